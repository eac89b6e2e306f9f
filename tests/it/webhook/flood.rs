//! One pod that asks without end, from an address of its own, while others start.

use akv_tests::Installation;
use akv_tests::webhook::pod::with_reference;
use akv_tests::webhook::raw::exchange;
use akv_wire::message::RESOURCES;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpSocket;

/// How long it goes on.
const FLOOD: Duration = Duration::from_secs(6);
/// Pods that start meanwhile.
const OTHERS: usize = 5;

/// What came of the attempts, by status.
#[derive(Default)]
struct Flood {
    stop: AtomicBool,
    connections: AtomicUsize,
    statuses: Mutex<BTreeMap<u16, usize>>,
}

/// Opens connections and lets go of them, as fast as it can.
async fn connect(flood: Arc<Flood>, from: IpAddr, to: SocketAddr) {
    while !flood.stop.load(Ordering::Relaxed) {
        let opened = async {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::new(from, 0))?;
            socket.connect(to).await
        };
        if opened.await.is_ok() {
            flood.connections.fetch_add(1, Ordering::Relaxed);
        } else {
            // Ports of loopback run out for a moment.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_asks_without_end_does_not_keep_others_from_starting() {
    let world = Installation::start("flood", "  secrets: [{name: s, value: v4lue}]\n", &[]).await;
    world.resource(&world.shop, "db", "s", "").await;
    let service = world.replicas[0].mtls();
    let wanted: &[(&str, &[&str])] = &[("db", &[""])];
    let attacker = world.create(with_reference("attacker", "db@azurekeyvault")).await;
    let token = attacker.token("app").await;
    let certified = attacker.enrolled(service, "app").await.from("127.0.0.2");
    let mut others = Vec::new();
    for n in 0..OTHERS {
        others.push(world.create(with_reference(&format!("other-{n}"), "db@azurekeyvault")).await);
    }

    let flood = Arc::new(Flood::default());
    let mut tasks = Vec::new();
    for _ in 0..64 {
        tasks.push(tokio::spawn(connect(flood.clone(), [127, 0, 0, 2].into(), service)));
    }
    for n in 0..8 {
        let (flood, certified, token) = (flood.clone(), certified.clone(), token.clone());
        tasks.push(tokio::spawn(async move {
            while !flood.stop.load(Ordering::Relaxed) {
                let answer = if n % 2 == 0 {
                    certified.resources(&[("db", &[""])]).await
                } else {
                    certified.certificate("app", &token, "junk").await
                };
                *flood.statuses.lock().expect("whole").entry(answer.status).or_default() += 1;
            }
        }));
    }
    let began = Instant::now();
    let mut took = Vec::new();
    for (n, pod) in others.iter().enumerate() {
        let start = Instant::now();
        let asker = akv_tests::webhook::Asker::new(service, &pod.arguments("app").0.root).from("127.0.0.3");
        let asker = asker.enrolled("app", &pod.token("app").await).await;
        let answer = asker.resources(wanted).await;
        assert_eq!(answer.status, 200, "pod {n}: {answer:?}");
        took.push(start.elapsed().as_millis());
    }
    // Admission goes on as well.
    world.create(with_reference("admitted", "db@azurekeyvault")).await;
    tokio::time::sleep(FLOOD.saturating_sub(began.elapsed())).await;
    flood.stop.store(true, Ordering::Relaxed);
    let seconds = began.elapsed().as_secs_f64();
    for task in tasks {
        task.await.expect("a task that ends");
    }
    let statuses = flood.statuses.lock().expect("whole").clone();
    let attempts = flood.connections.load(Ordering::Relaxed) + statuses.values().sum::<usize>();
    println!("{:.0} attempts a second for {seconds:.1} s, answered {statuses:?}", attempts as f64 / seconds);
    println!("certificate and first answer of {OTHERS} other pods meanwhile, in ms: {took:?}");
    let given = statuses.get(&200).copied().unwrap_or(0);
    assert!(given as f64 <= 12.0 + seconds * 2.0, "the pod's own limit holds: {statuses:?}");
    assert!(world.replicas[0].metric("akv2k8s_auth_requests_total", &[]).await < 300.0 + seconds * 110.0);

    // Ten thousand requests in one connection: the first that is refused is the last.
    let root = attacker.arguments("app").0.root;
    let before = world.replicas[0].metric("akv2k8s_auth_requests_total", &[]).await;
    let request = format!("POST {RESOURCES} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}");
    let (status, took) = exchange(service, &root, request.repeat(10_000).into_bytes(), FLOOD).await;
    let asked = world.replicas[0].metric("akv2k8s_auth_requests_total", &[]).await - before;
    println!(
        "10000 requests in one connection: {asked} reached a handler, first status {status}, {} ms",
        took.as_millis()
    );
    assert!(asked <= 2.0);
}
