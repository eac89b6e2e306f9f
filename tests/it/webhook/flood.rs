//! A pod that asks without end: its own limit holds, and others start meanwhile.

use akv_tests::Installation;
use akv_tests::webhook::flood::flood;
use akv_tests::webhook::raw::exchange;
use akv_wire::message::RESOURCES;
use std::time::Duration;

/// How long it goes on.
const FLOOD: Duration = Duration::from_secs(6);
/// Pods that start meanwhile.
const OTHERS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_asks_without_end_does_not_keep_others_from_starting() {
    let world = Installation::start("flood", "  secrets: [{name: s, value: v4lue}]\n", &[]).await;
    world.resource(&world.shop, "db", "s", "").await;
    let flooded = flood(&world, FLOOD, OTHERS).await;
    let (seconds, statuses) = (flooded.took.as_secs_f64(), &flooded.statuses);
    println!("{:.0} attempts a second for {seconds:.1} s, answered {statuses:?}", flooded.attempts);
    println!("certificate and first answer of {OTHERS} other pods meanwhile: {:?}", flooded.others);
    let given = statuses.get(&200).copied().unwrap_or(0);
    assert!(given as f64 <= 12.0 + seconds * 2.0, "the pod's own limit holds: {statuses:?}");
    assert!(world.replicas[0].metric("akv2k8s_auth_requests_total", &[]).await < 300.0 + seconds * 110.0);

    // Ten thousand requests in one connection: the first that is refused is the last.
    let before = world.replicas[0].metric("akv2k8s_auth_requests_total", &[]).await;
    let request = format!("POST {RESOURCES} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}");
    let all = request.repeat(10_000).into_bytes();
    let (status, took) = exchange(world.replicas[0].mtls(), &flooded.root, all, FLOOD).await;
    let asked = world.replicas[0].metric("akv2k8s_auth_requests_total", &[]).await - before;
    println!(
        "10000 requests in one connection: {asked} reached a handler, first status {status}, {} ms",
        took.as_millis()
    );
    assert!(asked <= 2.0);
}
