//! A controller with a thousand resources.

use crate::report::Report;
use crate::usage::{cores, cpu, rss};
use akv_tests::{Cluster, Controller, wait_for};
use kube::Api;
use kube::api::ListParams;
use local_vault::{LocalVault, Options, Seed};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const RESOURCES: usize = 1000;
const POLL: u64 = 30;
const PATIENCE: Duration = Duration::from_secs(600);

/// A thousand resources in one vault: memory, the way from apply to Ready, and what a poll costs.
pub async fn measure(report: &mut Report) {
    let mut seed = String::from(
        "identities:\n- name: controller\n  secret: local-secret\n  roles: [{vault: shop-prod, allow: [secrets/get]}]\nvaults:\n- name: shop-prod\n  secrets:\n",
    );
    let mut manifests = String::from("apiVersion: v1\nkind: Namespace\nmetadata: {name: bench}\n");
    for n in 0..RESOURCES {
        let _infallible = writeln!(seed, "  - {{name: s{n}, value: value-{n}}}");
        manifests += &resource(&format!("r{n}"), &format!("s{n}"));
    }
    let vault = LocalVault::start(Seed::parse(&seed).unwrap_or_else(|e| panic!("{e}")), Options::default())
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let cluster = Cluster::own("bench").await;
    let mut environment = vault.environment("controller");
    environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
    let controller =
        Controller::start_everywhere(&cluster, &environment, &["--azure-resync-period", &POLL.to_string()]).await;
    apply(&cluster, &manifests);
    let api = Api::<akv_api::AzureKeyVaultSecret>::namespaced(cluster.admin().await, "bench");
    wait_for("a thousand resources to be ready", PATIENCE, || async {
        let all = api.list(&ListParams::default()).await.ok()?.items;
        let ready = all.iter().filter(|r| r.is_ready()).count();
        (ready >= RESOURCES).then_some(())
    })
    .await;
    let (before, used, began) = (reads(&vault), cpu(controller.pid()), Instant::now());
    tokio::time::sleep(Duration::from_secs(2 * POLL)).await;
    let polls = began.elapsed().as_secs_f64() / POLL as f64;
    report.add(
        "requests to the vault per poll of 1,000 resources",
        (reads(&vault) - before) as f64 / polls,
        "requests",
        Some(1010.0),
    );
    let busy = cores(cpu(controller.pid()) - used, began.elapsed());
    report.add("controller CPU at 1,000 resources, a poll each 30 s", busy, "millicores", None);
    let goal = 64.0 + 4.0 * RESOURCES as f64 / 1024.0;
    report.add("controller memory (RSS) at 1,000 resources", rss(controller.pid()), "MiB", Some(goal));
    let began = Instant::now();
    apply(&cluster, &resource("one-more", "s0"));
    wait_for("one more to be ready", PATIENCE, || async {
        api.get_opt("one-more").await.ok()??.is_ready().then_some(())
    })
    .await;
    report.add("kubectl apply to Ready, one among 1,000", began.elapsed().as_secs_f64() * 1e3, "ms", Some(2000.0));
}

fn resource(name: &str, object: &str) -> String {
    format!(
        "---\napiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: {name}, namespace: bench}}\nspec:\n  vault: {{name: shop-prod, object: {{name: {object}, type: secret}}}}\n  output: {{secret: {{name: {name}, dataKey: v}}}}\n"
    )
}

fn reads(vault: &LocalVault) -> u64 {
    vault.counters().iter().filter(|(name, _)| name.contains("secrets.get")).map(|(_, n)| n).sum()
}

fn apply(cluster: &Cluster, manifests: &str) {
    let file = cluster.dir().join("bench.yaml");
    std::fs::write(&file, manifests).unwrap_or_else(|e| panic!("{e}"));
    let applied = cluster.kubectl().args(["apply", "-f"]).arg(&file).output().unwrap_or_else(|e| panic!("{e}"));
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
}
