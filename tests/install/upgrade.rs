//! `helm upgrade` on a cluster that people use: from the original, and from one version of ours to the next.

use crate::original::{self, Authority, RESOURCES};
use akv_api::AzureKeyVaultSecret;
use akv_tests::node::{PATIENCE, Pod, pod};
use akv_tests::release::HOME;
use akv_tests::{Namespace, Node, Release, wait_for};
use k8s_openapi::api::core::v1::{self as core, Secret};
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Between two pods of the load.
const LOAD: Duration = Duration::from_millis(200);

/// What must not change of a Secret.
type Kept = BTreeMap<String, (Option<String>, Value, Option<String>, Value)>;

async fn kept(shop: &Namespace) -> Kept {
    let secrets = Api::<Secret>::namespaced(shop.cluster().admin().await, shop.name());
    let all = secrets.list(&ListParams::default()).await.expect("an administrator may list");
    let moved = all.items.into_iter().filter(|secret| secret.name_any().starts_with("moved-"));
    moved
        .map(|s| (s.name_any(), (s.uid(), json!(s.data), s.type_.clone(), json!(s.metadata.owner_references))))
        .collect()
}

/// The columns that people and scripts read, of each version.
async fn columns(release: &Release, shop: &Namespace) -> Vec<String> {
    let mut headers = Vec::new();
    for version in ["v1", "v1alpha1", "v2alpha1", "v2beta1"] {
        let mut kubectl = release.node.cluster().kubectl();
        kubectl.args(["get", &format!("azurekeyvaultsecrets.{version}.spv.no"), "-n", shop.name()]);
        let table = akv_tests::cluster::blocking(move || xtask::process::read(&mut kubectl)).await;
        headers.push(table.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "));
    }
    headers
}

/// Columns were only added, at the end.
fn stay(before: &[String], after: &[String]) {
    let kept = before.iter().zip(after).all(|(before, after)| after.starts_with(before.as_str()));
    assert!(kept, "before: {before:#?}, after: {after:#?}");
}

async fn ready(shop: &Namespace, generation: &str) {
    let resources = Api::<AzureKeyVaultSecret>::namespaced(shop.cluster().admin().await, shop.name());
    wait_for(&format!("every resource to be ready {generation}"), PATIENCE * 2, || async {
        let all = resources.list(&ListParams::default()).await.ok()?;
        (all.items.len() == RESOURCES + 1 && all.items.iter().all(AzureKeyVaultSecret::is_ready)).then_some(())
    })
    .await;
}

/// Pods without references, in a namespace with injection, one after the other.
struct Load {
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<usize>,
}

impl Load {
    async fn start(shop: &Namespace) -> Self {
        let pods = Api::<core::Pod>::namespaced(shop.cluster().admin().await, shop.name());
        let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (until, counted) = (stop.clone(), refused.clone());
        let task = tokio::spawn(async move {
            let plain: core::Pod = serde_json::from_value(pod::probe("plain", &["exit", "0"])).expect("it is a pod");
            let dry = PostParams { dry_run: true, ..PostParams::default() };
            let mut asked = 0;
            while !until.load(Ordering::Relaxed) {
                asked += 1;
                if let Err(error) = pods.create(&dry, &plain).await {
                    println!("a pod without references was refused: {error}");
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(LOAD).await;
            }
            asked
        });
        Self { stop, refused, task }
    }

    async fn end(self, what: &str) {
        self.stop.store(true, Ordering::Relaxed);
        let asked = self.task.await.expect("it ends");
        let refused = self.refused.load(Ordering::Relaxed);
        println!("{what}: {asked} pods without references admitted meanwhile, {refused} refused");
        assert_eq!(refused, 0, "{what}");
    }
}

async fn injected(release: &Release, shop: &Namespace, name: &str) -> Pod {
    let container = json!({"command": ["/probe"], "args": ["report", "then", "sleep"], "env": [{"name": "DB", "value": "db@azurekeyvault"}]});
    let mut pod = release.reaching_vaults(pod::of(name, container));
    pod["spec"]["restartPolicy"] = json!("Always");
    let pod = release.node.create(shop, pod).await;
    assert_eq!(pod.report("main").await["env"]["DB"], "value-of-the-vault", "{name}");
    pod
}

/// A pod of the original has its certificate found good, and a token.
async fn served(pod: &Pod) {
    wait_for("a pod of the original to be served", PATIENCE, || async {
        let log = pod.logs("main").await;
        (log.matches("200\n").count() == 2 && log.contains("token")).then_some(())
    })
    .await;
}

async fn upgrade(release: &Release, chart: &str, values: &Value) {
    let args = ["upgrade", HOME, chart, "--namespace", HOME, "--values", "-", "--wait", "--timeout", "5m"];
    let began = Instant::now();
    release.helm(&args, values).await;
    println!("helm upgrade --wait: {:.1} s", began.elapsed().as_secs_f32());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_of_the_original_becomes_ours_under_load_and_goes_on_to_the_next_version() {
    let release = Release::prepare(Node::bare().await, &original::vaults()).await;
    let authority = Authority::new();
    original::install(&release, &authority).await;
    let shop = release.namespace("moved").await;
    original::resources(&shop).await;
    let old = original::pod(&release, &shop, &authority, "old").await;
    let (before, header) = (kept(&shop).await, columns(&release, &shop).await);
    assert_eq!(before.len(), RESOURCES);
    // The API server writes whole seconds, and pods of the original are older than the installation.
    tokio::time::sleep(Duration::from_millis(1100)).await;

    let mut values = release.values();
    values["legacyPods"] = json!({"enabled": true});
    // Two hundred resources are more than a debug build reads in the two seconds of other tests.
    values["azureKeyVaultResyncPeriod"] = json!(15);
    let load = Load::start(&shop).await;
    let mark = release.node.cluster().audit_mark().await;
    upgrade(&release, &release.chart("akv2k8s"), &values).await;
    let db = akv_tests::injection::resource("db", "secret", "db", "");
    shop.apply(&db).await.unwrap_or_else(|failure| panic!("{failure}"));
    ready(&shop, "after the move").await;
    assert_eq!(kept(&shop).await, before, "no Secret has changed");
    let events = release.node.cluster().audit_since(mark).await;
    let written =
        |e: &&akv_tests::AuditEvent| e.is_write() && e.namespace() == shop.name() && e.resource() == "secrets";
    assert_eq!(events.iter().filter(written).count(), RESOURCES, "one write of metadata takes a Secret over");
    stay(&header, &columns(&release, &shop).await);
    load.end("from the original").await;

    served(&old).await;
    old.restart("main", original::PROGRAM).await;
    served(&old).await;
    let ours = injected(&release, &shop, "ours").await;
    println!("a pod of the original was started again, a new one was injected");

    let load = Load::start(&shop).await;
    let next = next_version(&release).await;
    upgrade(&release, &next, &values).await;
    ready(&shop, "in the next version").await;
    ours.restart("main", "/probe").await;
    old.restart("main", original::PROGRAM).await;
    served(&old).await;
    injected(&release, &shop, "of-the-next").await;
    load.end("to the next version").await;

    // Back to the version before, then to the original.
    release.helm(&["rollback", HOME, "2", "--namespace", HOME, "--wait", "--timeout", "5m"], &Value::Null).await;
    injected(&release, &shop, "after-a-rollback").await;
    ours.restart("main", "/probe").await;
    assert_eq!(kept(&shop).await, before, "no Secret has changed");
    release.helm(&["rollback", HOME, "1", "--namespace", HOME, "--wait", "--timeout", "5m"], &Value::Null).await;
    assert_eq!(kept(&shop).await, before, "no Secret has changed");
    stay(&header, &columns(&release, &shop).await);
    upgrade(&release, &release.chart("akv2k8s"), &values).await;
    release.vault.set_secret("shop-prod", "moved-7", "rotated");
    let secrets = Api::<Secret>::namespaced(shop.cluster().admin().await, shop.name());
    wait_for("a Secret to follow the vault", PATIENCE, || async {
        let secret = secrets.get("moved-7").await.ok()?;
        (secret.data?.get("password")?.0 == b"rotated").then_some(())
    })
    .await;
    old.restart("main", original::PROGRAM).await;
    served(&old).await;
    println!("rolled back to the original and moved again: the old pod was served");
}

/// The chart of a version that is one higher, with the same program.
async fn next_version(release: &Release) -> String {
    let (chart, to) = (akv_tests::helm::chart("akv2k8s").display().to_string(), release.node.dir().join("next"));
    let to = to.display().to_string();
    release.helm(&["package", &chart, "--version", "99.0.0", "--destination", &to], &Value::Null).await;
    format!("{to}/akv2k8s-99.0.0.tgz")
}
