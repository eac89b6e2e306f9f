//! The webhook under load, on one core: admission of pods that state their command, and a pod that asks without end.

use crate::report::Report;
use crate::usage::{cores, cpu, rss};
use akv_tests::webhook::Asker;
use akv_tests::webhook::flood::flood;
use akv_tests::webhook::pod::with_reference;
use akv_tests::{Cluster, Installation};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::json;
use std::time::{Duration, Instant};

/// Admissions a second.
const RATE: u32 = 500;
const SECONDS: u32 = 10;
/// How long a pod asks without end.
const FLOOD: Duration = Duration::from_secs(10);
/// Pods that start meanwhile.
const OTHERS: usize = 5;

/// For admissions the webhook has the first core, the load the second.
pub async fn measure(report: &mut Report) {
    let cluster = Cluster::own("admission").await;
    let command = ["webhook", "--log-level=warn"];
    let mut world = Installation::prepare(cluster, "admission", "  secrets: [{name: s, value: v}]\n", &command).await;
    world.add_replica().await;
    world.register().await;
    world.resource(&world.shop, "db", "s", "").await;
    pin(world.replicas[0].pid(), &[0]);
    pin(std::process::id(), &[1]);
    admissions(report, &world).await;
    // A flood is as large as the machine can make it.
    pin(world.replicas[0].pid(), &[0, 1]);
    pin(std::process::id(), &[0, 1]);
    report.add("webhook memory (RSS) after the admissions", rss(world.replicas[0].pid()), "MiB", None);
    let flooded = flood(&world, FLOOD, OTHERS).await;
    println!("  {:.0} attempts a second, answered {:?}", flooded.attempts, flooded.statuses);
    report.add("10,000 attempts of one pod at the auth service", 10_000_000.0 / flooded.attempts, "ms", Some(1000.0));
    let slowest = flooded.others.iter().max().copied().unwrap_or_default();
    let name = "certificate and first answer of another pod meanwhile, slowest";
    report.add(name, slowest.as_secs_f64() * 1e3, "ms", None);
}

async fn admissions(report: &mut Report, world: &Installation) {
    let root = world.create(with_reference("root", "db@azurekeyvault")).await.arguments("app").0.root;
    let asker = Asker::new(world.replicas[0].tls(), &root);
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u1", "namespace": world.shop.name(), "operation": "CREATE", "object": with_reference("p", "db@azurekeyvault"),
    }});
    for _ in 0..50 {
        assert_eq!(asker.post("/pods", &review).await.status, 200, "an admission before the load");
    }
    let (began, used) = (Instant::now(), cpu(world.replicas[0].pid()));
    let mut asked = Vec::new();
    for n in 0..RATE * SECONDS {
        tokio::time::sleep_until((began + Duration::from_secs(1) * n / RATE).into()).await;
        let (asker, review) = (asker.clone(), review.clone());
        asked.push(tokio::spawn(async move {
            let start = Instant::now();
            (asker.post("/pods", &review).await.status, start.elapsed())
        }));
    }
    let mut took = Vec::new();
    for one in asked {
        let (status, elapsed) = one.await.unwrap_or_else(|e| panic!("{e}"));
        took.extend((status == 200).then_some(elapsed));
    }
    let all = (RATE * SECONDS) as usize;
    let rate = all as f64 / began.elapsed().as_secs_f64();
    println!("  {rate:.0} admissions a second, client and TLS included");
    let busy = cores(cpu(world.replicas[0].pid()) - used, began.elapsed());
    report.add("webhook CPU at 500 admissions a second", busy, "millicores", None);
    took.sort();
    let at = |share: usize| took.get(took.len() * share / 100).map_or(f64::INFINITY, |t| t.as_secs_f64() * 1e3);
    report.add("admission at 500 a second on one core: without an answer", (all - took.len()) as f64, "", Some(0.0));
    report.add("admission at 500 a second on one core: p50", at(50), "ms", None);
    report.add("admission at 500 a second on one core: p99", at(99), "ms", Some(5.0));
}

/// Leaves every thread of a process these cores, and with them those that they start.
fn pin(process: u32, allowed: &[usize]) {
    let mut cores = CpuSet::new();
    allowed.iter().for_each(|core| cores.set(*core));
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap_or_else(|e| panic!("{process}: {e}"));
    let numbers = threads.flatten().filter_map(|thread| thread.file_name().to_str()?.parse().ok());
    for thread in numbers.filter_map(Pid::from_raw) {
        // A thread may have ended meanwhile.
        let _pinned = sched_setaffinity(Some(thread), &cores);
    }
}
