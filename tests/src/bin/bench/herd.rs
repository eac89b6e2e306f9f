//! A thousand pods that start at once: real processes, the real auth service, a vault with the limits of the real one.

use crate::executable::{program, proves, references};
use crate::report::Report;
use crate::stages::{self, Start};
use crate::usage::{busy, cores};
use akv_tests::webhook::TestPod;
use akv_tests::{Cluster, Installation};
use futures::StreamExt;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Pods that start at once.
pub const PODS: usize = 1000;
const REFERENCES: usize = 10;
/// Of the vault, in ten seconds: <https://learn.microsoft.com/azure/key-vault/general/service-limits>.
const READS: usize = 4000;
const WINDOW: Duration = Duration::from_secs(10);
/// The executable's own deadline is a minute.
const LONGEST: Duration = Duration::from_secs(120);
/// Pods that are made at the same time.
const TOGETHER: usize = 16;

/// First one pod alone, then all of them.
pub async fn measure(report: &mut Report, pods: usize) {
    let program = program().await;
    let mut objects = String::from("  secrets:\n");
    for n in 0..100 {
        let _infallible = writeln!(objects, "  - {{name: s{n}, value: value-{n}}}");
    }
    objects += "throttle: true\n";
    let cluster = Cluster::own("herd").await;
    // Every process of this machine has one address, unlike pods.
    let command = ["webhook", "--pod-ca-file={ca}", "--connections-per-address=100000", "--log-level=warn"];
    let mut world = Installation::prepare(cluster, "herd", &objects, &command).await;
    world.add_replica().await;
    world.register().await;
    for n in 0..100 {
        world.resource(&world.shop, &format!("r{n}"), &format!("s{n}"), "").await;
    }
    for count in [1, 10, 100] {
        let mut starts = Vec::new();
        for run in 0..5 {
            let container = Container::made(&world, &program, &format!("alone-{count}-{run}"), count).await;
            let ended = container.run().await;
            starts.push(ended.start.unwrap_or_else(|| panic!("{}", ended.said)));
        }
        let name = format!("azure-keyvault-env: CPU before execve, {count} references, auth service");
        report.add(&name, stages::cpu(&starts), "ms", Some(15.0));
        println!("  {}", stages::shares(&starts));
        let name = format!("azure-keyvault-env: peak RSS, {count} references, auth service");
        report.add(&name, stages::peak(&starts), "MiB", Some(16.0));
    }
    let containers: Vec<Container> = futures::stream::iter(0..pods)
        .map(|n| {
            let (world, program) = (&world, &program);
            async move { Container::made(world, program, &format!("herd-{n}"), REFERENCES).await }
        })
        .buffered(TOGETHER)
        .collect()
        .await;
    // A vault whose window is used up by what came before would count against the herd.
    tokio::time::sleep(WINDOW).await;
    world.vault.reset_counters();
    let (began, used) = (Instant::now(), busy());
    let ended = futures::future::join_all(containers.iter().map(Container::run)).await;
    let took = began.elapsed();
    println!("  {:.1} cores busy, all pods being on this one machine", cores(busy() - used, took) / 1e3);
    account(report, &world, &ended, took);
}

fn account(report: &mut Report, world: &Installation, ended: &[Ended], took: Duration) {
    let pods = ended.len();
    let title = format!("{pods} pods x {REFERENCES} references at once");
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    for failed in ended.iter().filter(|one| !one.ok) {
        *said.entry(failed.said.as_str()).or_default() += 1;
    }
    for (why, times) in said.iter().take(10) {
        println!("  {times} pods: {why}");
    }
    report.add(&format!("{title}: pods that failed"), said.values().sum::<usize>() as f64, "pods", Some(0.0));
    // The first window's reads are there at once; each further one opens after ten seconds.
    let windows = (pods * REFERENCES).div_ceil(READS) - 1;
    let least = (WINDOW * windows as u32).as_secs_f64();
    let took = took.as_secs_f64();
    println!("  {took:.1} s; the vault's limit alone takes {least} s");
    if windows > 0 {
        report.add(&format!("{title}: time against the vault's limit"), took / least, "x", Some(1.3));
    }
    let counters = world.vault.counters();
    let sum = |word: &str| counters.iter().filter(|(name, _)| name.contains(word)).map(|(_, n)| *n).sum::<u64>() as f64;
    let (reads, without) = (sum("secrets.get"), sum("challenge"));
    println!("  {reads} reads, {} of them refused and asked again", reads - (pods * REFERENCES) as f64);
    report.add(&format!("{title}: requests without a token"), 100.0 * without / (reads + without), "%", Some(1.0));
    let starts: Vec<Start> = ended.iter().filter_map(|one| one.start.clone()).collect();
    println!("  CPU {:.1} ms each; {}", stages::cpu(&starts), stages::shares(&starts));
    report.add(&format!("{title}: largest peak RSS"), stages::peak(&starts), "MiB", Some(16.0));
}

/// A container that a kubelet would start now.
struct Container {
    program: PathBuf,
    args: Vec<String>,
    count: usize,
}

/// How it ended.
struct Ended {
    ok: bool,
    start: Option<Start>,
    said: String,
}

impl Container {
    /// Of a pod that was admitted, with the token that would be projected.
    async fn made(world: &Installation, program: &Path, name: &str, count: usize) -> Self {
        let env: Vec<_> = references(count).map(|(name, value)| json!({"name": name, "value": value})).collect();
        let container = json!({"name": "app", "image": "shop:1", "command": proves(count), "env": env});
        let pod: TestPod = world
            .create(json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]},
            }))
            .await;
        let token = world.cluster().dir().join(format!("{name}.token"));
        std::fs::write(&token, pod.token("app").await).unwrap_or_else(|e| panic!("{e}"));
        let (mut arguments, command) = pod.arguments("app");
        // What DNS and the Service would lead to.
        arguments.service = Some(format!("https://{}", world.replicas[0].mtls()));
        arguments.token = Some(token.display().to_string());
        arguments.debug = true;
        let args = [arguments.to_args(), vec!["--".to_owned()], command].concat();
        Self { program: program.to_owned(), args, count }
    }

    async fn run(&self) -> Ended {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(references(self.count)).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let failed = |said: String| Ended { ok: false, start: None, said };
        match tokio::time::timeout(LONGEST, async { command.spawn()?.wait_with_output().await }).await {
            Err(_) => failed("it did not end".to_owned()),
            Ok(Err(error)) => failed(error.to_string()),
            Ok(Ok(output)) => {
                let start = Start::parse(&output.stderr);
                let last = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
                Ended { ok: output.status.success() && start.is_some(), start, said: last }
            }
        }
    }
}
