//! The charts on a node: what somebody does who installs the product, and what comes of it.

use super::{PATIENCE, apply, step, value};
use akv_tests::node::pod;
use akv_tests::release::HOME;
use akv_tests::{Cluster, Node, Release, wait_for};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::{Value, json};
use std::time::Instant;
use xtask::{layout, process, setup};

const VAULTS: &str = "vaults:\n- name: shop-prod\n  secrets: [{name: db-password, value: not-a-real-password}]\n";
/// Where the example is applied, with injection.
const SHOP: &str =
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {azure-key-vault-env-injection: enabled}}\n";

/// Runs it; with `keep` it stays until Ctrl-C.
pub async fn run(began: Instant, keep: bool) {
    step(began, "A control plane and a node, in network namespaces of their own");
    let node = Node::bare().await;
    let cluster = node.cluster().clone();

    step(began, "Images, packaged charts, and a Key Vault that pods reach");
    let release = Release::prepare(node, VAULTS).await;
    for (name, url) in release.vault.vaults() {
        println!("  {name}: {url}");
    }

    step(began, "The chart, by nothing but Helm");
    println!("  helm install {HOME} {HOME}-{}.tgz -n {HOME} --values VALUES --wait", env!("CARGO_PKG_VERSION"));
    let installing = Instant::now();
    release.install(&[]).await;
    println!("  ready {:.1} s later", installing.elapsed().as_secs_f32());
    show(&cluster, &["get", "pods", "-n", HOME]).await;

    step(began, "A Secret from the vault: examples/01-secret");
    apply(&cluster, SHOP).await;
    let example = layout::root().join("examples/01-secret/resource.yaml");
    apply(&cluster, &std::fs::read_to_string(&example).unwrap_or_else(|e| panic!("{}: {e}", example.display()))).await;
    show(&cluster, &["wait", "akvs/db", "-n", "shop", "--for=condition=Ready", "--timeout=60s"]).await;
    println!("  helm install to the first Ready: {:.1} s", installing.elapsed().as_secs_f32());
    let secrets = Api::<Secret>::namespaced(cluster.admin().await, "shop");
    println!("  Secret db: password = {:?}, which is made up", value(&secrets, "db", "password").await);

    step(began, "A pod that refers to the same resource: DB_PASSWORD=db@azurekeyvault");
    let container = json!({
        "command": ["/probe", "report", "then", "sleep"], "env": [{"name": "DB_PASSWORD", "value": "db@azurekeyvault"}],
    });
    let mut app = release.reaching_vaults(pod::of("app", container));
    app["metadata"]["namespace"] = json!("shop");
    kubectl(&cluster, &["wait", "serviceaccount/default", "-n", "shop", "--for=create", "--timeout=60s"]).await;
    apply(&cluster, &app.to_string()).await;
    kubectl(&cluster, &["wait", "pod/app", "-n", "shop", "--for=condition=Ready", "--timeout=120s"]).await;
    let path = "jsonpath={.spec.containers[0].env[?(@.name=='DB_PASSWORD')].value}";
    println!(
        "  the pod as the cluster knows it: DB_PASSWORD={}",
        kubectl(&cluster, &["get", "pod/app", "-n", "shop", "-o", path]).await
    );
    let report: Value = wait_for("the application to say what it sees", PATIENCE, || async {
        serde_json::from_str(&kubectl(&cluster, &["logs", "app", "-n", "shop"]).await).ok()
    })
    .await;
    println!(
        "  the process that it runs:        DB_PASSWORD={}",
        report["env"]["DB_PASSWORD"].as_str().unwrap_or_default()
    );

    step(began, "The vault's db-password is rotated");
    let rotated = Instant::now();
    release.vault.set_secret("shop-prod", "db-password", "not-a-real-password-2");
    wait_for("the Secret to follow", PATIENCE, || async {
        (value(&secrets, "db", "password").await == "not-a-real-password-2").then_some(())
    })
    .await;
    println!("  Secret db: password = \"not-a-real-password-2\", {:.1} s later", rotated.elapsed().as_secs_f32());

    step(began, "helm test");
    let said = release.helm(&["test", HOME, "--namespace", HOME], &Value::Null).await;
    said.lines()
        .filter(|line| line.starts_with("TEST SUITE") || line.starts_with("Phase"))
        .for_each(|line| println!("  {line}"));
    if keep {
        stay(&cluster, &release).await;
    }
}

/// Says how to reach what runs, and waits until somebody ends it.
async fn stay(cluster: &Cluster, release: &Release) {
    println!("\nRunning until Ctrl-C, which ends all of it. In another terminal:");
    println!("  export KUBECONFIG={}", cluster.admin_kubeconfig().display());
    println!("  {} kubectl get akvs,secrets,pods -n shop", cluster.kubectl().get_program().to_string_lossy());
    if let Ok(helm) = tokio::task::spawn_blocking(setup::helm::ensure).await.unwrap_or_else(|e| panic!("{e}")) {
        println!("  {} list --all-namespaces", helm.display());
    }
    println!(
        "  curl -X PUT http://{}/admin/shop-prod/secrets/db-password -d '{{\"value\": \"new\"}}'",
        release.vault.admin()
    );
    // Without the signal handler Ctrl-C would end the process at once, which stops everything too.
    let _signalled = tokio::signal::ctrl_c().await;
}

async fn kubectl(cluster: &Cluster, args: &[&str]) -> String {
    let mut kubectl = cluster.kubectl();
    kubectl.args(args);
    let read = tokio::task::spawn_blocking(move || process::read(&mut kubectl)).await;
    read.unwrap_or_else(|e| panic!("{e}")).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Prints what kubectl says, indented.
async fn show(cluster: &Cluster, args: &[&str]) {
    kubectl(cluster, args).await.lines().for_each(|line| println!("  {line}"));
}
