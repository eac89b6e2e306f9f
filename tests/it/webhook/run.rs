//! `akv2k8s run`: both parts in one process, and the lease stops one of them only.

use akv_tests::webhook::pod::with_reference;
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Component, Installation, wait_for};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

async fn until_synced(world: &Installation, name: &str) {
    world.resource(&world.home, name, "s", &format!("{{secret: {{name: {name}, dataKey: v}}}}")).await;
    let secrets = Api::<Secret>::namespaced(world.client(), world.home.name());
    wait_for(&format!("Secret {name}; the log: {}", world.replicas[0].log()), PATIENCE, || async {
        let value = secrets.get_opt(name).await.ok()??.data?.remove("v")?;
        (value.0 == b"v4lue").then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_process_writes_secrets_and_admits_pods_and_a_lost_lease_stops_only_the_first() {
    let objects = "  secrets: [{name: s, value: v4lue}]\n";
    let command = ["run", "--watch-all-namespaces=false", "--azure-resync-period=2"];
    let mut world = Installation::prepare(Cluster::shared().await, "run", objects, &command).await;
    world.home.lend_everywhere(Component::Controller, Component::Webhook).await;
    world.add_replica().await;
    world.register().await;
    until_synced(&world, "first").await;
    world.resource(&world.shop, "db", "s", "").await;
    let pod = world.create(with_reference("web", "db@azurekeyvault")).await;
    let asker = pod.enrolled(world.replicas[0].mtls(), "app").await;
    assert_eq!(asker.resources(&[("db", &[""])]).await.status, 200);
    let both = (
        world.replicas[0].metric("akv2k8s_leader", &[]).await,
        world.replicas[0].metric("akv2k8s_pod_mutations_total", &[]).await,
    );
    println!("leader {}, pods changed {}: one port says both", both.0, both.1);
    assert!(both.0 == 1.0 && both.1 >= 1.0);

    let leases = Api::<Lease>::namespaced(world.client(), world.home.name());
    let thief = Patch::Merge(json!({"spec": {"holderIdentity": "thief"}}));
    leases.patch("akv2k8s-controller", &PatchParams::default(), &thief).await.expect("an administrator may");
    world.until_logged(0, "no longer the leader").await;
    world.create(with_reference("meanwhile", "db@azurekeyvault")).await;
    assert_eq!(asker.again().resources(&[("db", &[""])]).await.status, 200);
    wait_for("the thief's lease to run out", PATIENCE, || async {
        (world.replicas[0].metric("akv2k8s_leader", &[]).await == 1.0).then_some(())
    })
    .await;
    until_synced(&world, "second").await;
    assert!(world.replicas[0].stop(), "it ends when it is asked");
    println!("a stolen lease: admission and auth went on, and the lease came back");
}
