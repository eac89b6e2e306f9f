//! The life of an installation: from nothing but the packaged charts to both flows, and to what is left of it.

use akv_api::AzureKeyVaultSecret;
use akv_tests::helm::chart;
use akv_tests::injection::resource;
use akv_tests::node::{PATIENCE, pod};
use akv_tests::release::HOME;
use akv_tests::wait::try_wait_for;
use akv_tests::{Namespace, Node, Release, program, wait_for};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const VAULTS: &str = "vaults:\n- name: shop-prod\n  secrets: [{name: db, value: value-of-the-vault}]\n";

/// Waits until the resource says that it is ready, and returns the Secret that it has made.
async fn synced(shop: &Namespace, name: &str) -> Secret {
    let client = shop.cluster().admin().await;
    let resources = Api::<AzureKeyVaultSecret>::namespaced(client.clone(), shop.name());
    wait_for(&format!("{name} to be ready"), PATIENCE, || async {
        resources.get(name).await.ok()?.is_ready().then_some(())
    })
    .await;
    Api::<Secret>::namespaced(client, shop.name()).get(name).await.unwrap_or_else(|e| panic!("Secret {name}: {e}"))
}

fn value(secret: &Secret) -> String {
    let value = secret.data.as_ref().and_then(|data| data.get("password"));
    value.map(|value| String::from_utf8_lossy(&value.0).into_owned()).unwrap_or_default()
}

/// What a process finds in the variable that refers to the resource `db`.
async fn injected(release: &Release, shop: &Namespace, name: &str) -> Value {
    let container = json!({"command": ["/probe", "report"], "env": [{"name": "DB", "value": "db@azurekeyvault"}]});
    let pod = release.node.create(shop, release.reaching_vaults(pod::of(name, container))).await;
    pod.report("main").await["env"]["DB"].clone()
}

/// What the page of the chart says of an uninstalled release.
fn left_by_the_page() -> String {
    let page = std::fs::read_to_string(chart("akv2k8s").join("README.md")).expect("the chart has a page");
    let (_, rest) = page.split_once("* **After `helm uninstall`**").expect("it says what is left");
    rest.split("\n*").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_charts_install_both_flows_and_leave_what_their_page_says() {
    let release = Release::prepare(Node::bare().await, VAULTS).await;
    let shop = release.namespace("shop").await;
    let before = release.inventory().await;
    assert!(!before.iter().any(|line| line.contains("spv.no")), "nothing of the product is there: {before:?}");

    let began = Instant::now();
    release.install(&[]).await;
    println!("helm install --wait: {:.1} s", began.elapsed().as_secs_f32());
    let both = resource("db", "secret", "db", "{secret: {name: db, dataKey: password}}");
    shop.apply(&both).await.unwrap_or_else(|failure| panic!("{failure}"));
    let made = synced(&shop, "db").await;
    println!("helm install to the first Ready: {:.1} s", began.elapsed().as_secs_f32());
    assert_eq!(value(&made), "value-of-the-vault");
    assert_eq!(injected(&release, &shop, "first").await, "value-of-the-vault");
    println!("helm install to the first value in a pod: {:.1} s", began.elapsed().as_secs_f32());

    let said = release.helm(&["test", HOME, "--namespace", HOME], &Value::Null).await;
    println!("{said}");
    assert!(said.contains("TEST SUITE:     akv2k8s-test") && said.contains("Phase:          Succeeded"), "{said}");

    doctor_finds_all_well(&release).await;

    release.uninstall(HOME).await;
    leaves(&release, &shop, &before).await;

    // What it left is taken up again by who manages the definitions apart.
    let crds = release.chart("akv2k8s-crds");
    release.helm(&["install", "akv2k8s-crds", &crds, "--namespace", HOME, "--take-ownership"], &Value::Null).await;
    release.install(&["--set", "crds.install=false"]).await;
    release.vault.set_secret("shop-prod", "db", "value-after-the-return");
    let api = Api::<Secret>::namespaced(shop.cluster().admin().await, shop.name());
    let again = wait_for("the Secret to follow the vault again", PATIENCE, || async {
        api.get("db").await.ok().filter(|secret| value(secret) == "value-after-the-return")
    })
    .await;
    assert_eq!(again.metadata.uid, made.metadata.uid);
    assert_eq!(injected(&release, &shop, "second").await, "value-after-the-return");
    release.uninstall(HOME).await;
    release.uninstall("akv2k8s-crds").await;
    leaves(&release, &shop, &before).await;
    of_one_namespace(&release, &shop).await;
}

/// Nothing is wrong, and nothing could not be looked at.
async fn doctor_finds_all_well(release: &Release) {
    let mut doctor = program::command("akv2k8s");
    doctor.args(["doctor", "--namespace", HOME, "--kubeconfig"]).arg(release.node.cluster().admin_kubeconfig());
    let said = akv_tests::cluster::blocking(move || xtask::process::read(&mut doctor)).await;
    println!("{said}");
    let (rows, sum) = said.trim_end().rsplit_once("\n\n").expect("a blank line before the sum");
    assert!(sum.ends_with(" ok"), "something is not well: {said}");
    assert!(rows.contains("read from the vault") && rows.contains("valid for akv2k8s-envinjector"), "{said}");
}

/// A release of one namespace syncs and injects there, and has nothing to do with another.
async fn of_one_namespace(release: &Release, other: &Namespace) {
    let own = release.namespace("own").await;
    release.describe_vault(own.name()).await;
    release.install_in(own.name(), &["--set", "watchAllNamespaces=false"]).await;
    let foreign = resource("foreign", "secret", "db", "{secret: {name: foreign, dataKey: password}}");
    other.apply(&foreign).await.unwrap_or_else(|failure| panic!("{failure}"));
    let both = resource("db", "secret", "db", "{secret: {name: db, dataKey: password}}");
    own.apply(&both).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(value(&synced(&own, "db").await), "value-after-the-return");
    assert_eq!(injected(release, &own, "within").await, "value-after-the-return");

    assert_eq!(injected(release, other, "without").await, "db@azurekeyvault", "no webhook serves that namespace");
    let client = other.cluster().admin().await;
    let seen =
        Api::<AzureKeyVaultSecret>::namespaced(client, other.name()).get("foreign").await.expect("it was applied");
    assert_eq!(seen.status, None, "no controller has looked at it");
}

/// Waits until nothing is left but what the page says, and all of that.
async fn leaves(release: &Release, shop: &Namespace, before: &BTreeSet<String>) {
    let page = left_by_the_page();
    let of_release = [
        ("CustomResourceDefinition azurekeyvaultsecrets.spv.no".to_owned(), "`azurekeyvaultsecrets.spv.no`"),
        ("CustomResourceDefinition azurekeyvaultplugins.spv.no".to_owned(), "`azurekeyvaultplugins.spv.no`"),
        (format!("Secret {HOME}/akv2k8s-envinjector-authority"), "`FULLNAME-envinjector-authority`"),
        (format!("Secret {HOME}/akv2k8s-digest-key"), "`akv2k8s-digest-key`"),
        (format!("Lease {HOME}/akv2k8s-controller"), "`akv2k8s-controller`"),
    ];
    for (_, name) in &of_release {
        assert!(page.contains(name), "the page does not say that {name} is left: {page}");
    }
    assert_eq!(page.matches('`').count(), of_release.len() * 2, "the page names something else: {page}");
    let of_users = [format!("AzureKeyVaultSecret {}/db", shop.name()), format!("Secret {}/db", shop.name())];
    let expected: BTreeSet<_> = of_release.map(|(line, _)| line).into_iter().chain(of_users).collect();
    // The application's own pods, which have ended, are the user's too.
    let new = |line: &&String| !before.contains(*line) && !line.starts_with(&format!("Pod {}/", shop.name()));
    let last = Mutex::new(BTreeSet::new());
    let waited = try_wait_for("what is left to be what the page says", PATIENCE, || async {
        let left: BTreeSet<String> = release.inventory().await.iter().filter(new).cloned().collect();
        let right = left == expected;
        *last.lock().unwrap_or_else(PoisonError::into_inner) = left;
        right.then_some(())
    });
    if let Err(failure) = waited.await {
        let left = last.lock().unwrap_or_else(PoisonError::into_inner);
        panic!("{failure}\nexpected: {expected:#?}\nleft: {left:#?}");
    }
    println!("left by helm uninstall: {expected:#?}");
}
