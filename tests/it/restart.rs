//! A control plane that goes away and comes back under a running controller.
//!
//! These tests disturb everybody on their cluster, so they have one of their own and take turns on it.

use akv_tests::world::{PATIENCE, Setup};
use akv_tests::{Cluster, World, wait_for};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

const OBJECTS: &str = "  secrets: [{name: one, value: v0}, {name: two, value: v0}]\n";

/// The cluster, for one test at a time.
async fn alone() -> (Arc<Cluster>, MutexGuard<'static, ()>) {
    static OURS: OnceCell<Arc<Cluster>> = OnceCell::const_new();
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    (Arc::clone(OURS.get_or_init(|| Cluster::own("disturbed")).await), turn)
}

async fn world(cluster: &Arc<Cluster>, name: &str, gate: bool) -> World {
    let setup = Setup { cluster: Some(Arc::clone(cluster)), gate, ..Setup::default() };
    let world = World::start_as(setup, name, OBJECTS, &["--azure-resync-period", "1"]).await;
    for name in ["one", "two"] {
        world.apply_secret(name, name, &format!("{{secret: {{name: {name}, dataKey: v}}}}")).await;
        world.until_value(name, "v", "v0").await;
    }
    world
}

fn rotate(world: &World, value: &str) {
    world.vault.set_secret("shop-prod", "one", value);
    world.vault.set_secret("shop-prod", "two", value);
}

#[tokio::test]
async fn a_control_plane_that_was_killed_comes_back_and_the_controller_goes_on() {
    let (cluster, _turn) = alone().await;
    let mut world = world(&cluster, "restarted", false).await;
    for (round, both) in [("API server", false), ("etcd and API server", true)] {
        if both {
            cluster.restart_all().await;
        } else {
            cluster.restart_api_server().await;
        }
        // The vault changes, a resource is edited, a target is edited: each reaches the controller by another way.
        rotate(&world, round);
        world.until_value("one", "v", round).await;
        let key = format!("after-{}", u8::from(both));
        world.apply_secret("two", "two", &format!("{{secret: {{name: two, dataKey: {key}}}}}")).await;
        world.until_value("two", &key, round).await;
        let edit = Patch::Merge(json!({"stringData": {"v": "edited"}}));
        let secrets = world.api::<k8s_openapi::api::core::v1::Secret>();
        secrets.patch("one", &PatchParams::default(), &edit).await.expect("an administrator may");
        world.until_value("one", "v", round).await;
        world.until("one", "Synced").await;
        world.controller.check_alive();
        println!("{round} killed and started again: targets, edits and status follow, same process");
    }
}

#[tokio::test]
async fn a_watch_that_fell_behind_is_begun_anew_and_nothing_is_missed() {
    let (cluster, _turn) = alone().await;
    let mut world = world(&cluster, "expired", true).await;
    assert_eq!(world.gate().expired(), 0);
    world.gate().shut();
    // What the watches would have said: a resource that changes, one that goes, one that comes, and targets edited by hand.
    world.apply_secret("one", "one", "{secret: {name: moved, dataKey: v}}").await;
    world.apply_secret("three", "two", "{secret: {name: three, dataKey: v}}").await;
    let secrets = world.api::<k8s_openapi::api::core::v1::Secret>();
    let edit = Patch::Merge(json!({"stringData": {"v": "edited"}}));
    secrets.patch("two", &PatchParams::default(), &edit).await.expect("an administrator may");
    rotate(&world, "v1");
    // A server that was started anew knows no event from before: a watch that goes on from there is told 410.
    cluster.restart_api_server().await;
    world.gate().open();
    world.until_value("moved", "v", "v1").await;
    world.until_value("two", "v", "v1").await;
    world.until_value("three", "v", "v1").await;
    wait_for("the old target to go", PATIENCE, || async { world.secret("one").await.is_none().then_some(()) }).await;
    for resource in ["one", "two", "three"] {
        world.until(resource, "Synced").await;
    }
    // A watch that was beginning anew when the gate was shut has nothing to be behind of; then it is shut again.
    for round in ["v2", "v3", "v4", "v5"] {
        if world.gate().expired() > 0 {
            break;
        }
        world.gate().shut();
        secrets.patch("two", &PatchParams::default(), &edit).await.expect("an administrator may");
        rotate(&world, round);
        cluster.restart_api_server().await;
        world.gate().open();
        world.until_value("two", "v", round).await;
    }
    let expired = world.gate().expired();
    assert!(expired > 0, "the server ended no watch with 410: this test has shown nothing");
    println!("{expired} watches were ended with 410, and the end state is the wanted state");
    world.controller.check_alive();
}

#[tokio::test]
async fn a_controller_newer_than_the_resources_on_the_server_says_so_and_does_nothing() {
    let (cluster, _turn) = alone().await;
    let crds = Api::<CustomResourceDefinition>::all(cluster.admin().await);
    let mut definition = crds.get("azurekeyvaultsecrets.spv.no").await.expect("it is installed");
    let newest = definition.spec.versions.iter_mut().find(|v| v.name == "v2beta1").expect("it is served");
    let schema = newest.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()).expect("it has a schema");
    let status = schema.properties.as_mut().and_then(|p| p.get_mut("status")).expect("it has a status");
    let removed = status.properties.as_mut().and_then(|p| p.remove("warnings"));
    assert!(removed.is_some(), "the older definition lacks what ours has");
    crds.replace("azurekeyvaultsecrets.spv.no", &PostParams::default(), &definition).await.expect("it is legal");

    let setup = Setup { cluster: Some(Arc::clone(&cluster)), ..Setup::default() };
    let mut world = World::start_as(setup, "older", OBJECTS, &["--azure-resync-period", "1"]).await;
    world.apply_secret("one", "one", "{secret: {name: one, dataKey: v}}").await;
    // It looks more than once, so it had the time to act.
    wait_for("the third look", PATIENCE, || async {
        (world.controller.log().matches("not ready").count() >= 3).then_some(())
    })
    .await;
    let answer = reqwest::get(format!("http://{}/readyz", world.controller.http())).await.expect("an answer");
    let (code, said) = (answer.status().as_u16(), answer.text().await.expect("text"));
    println!("{code} {said}");
    assert_eq!(code, 503);
    assert!(said.contains("older than this program") && said.contains("status.warnings"), "{said}");
    assert!(world.api::<Lease>().list(&ListParams::default()).await.expect("a list").items.is_empty());
    assert!(world.secret("one").await.is_none());

    let mut apply = akv_tests::program::command("akv2k8s");
    apply.args(["crd", "apply", "--kubeconfig"]).arg(cluster.admin_kubeconfig());
    let applied = apply.output().expect("the program starts");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    world.controller.ready().await;
    world.until_value("one", "v", "v0").await;
    world.until("one", "Synced").await;
}
