//! One pod that asks without end, from an address of its own, while others start.

use super::pod::with_reference;
use super::{Asker, Installation};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpSocket;

/// Connections that are opened at the same time, and as soon as one is gone again.
const CONNECTIONS: usize = 64;
/// Requests that are open at the same time.
const REQUESTS: usize = 8;
/// The address of the pod that asks, and that of the others.
const ATTACKER: [&str; 2] = ["127.0.0.2", "127.0.0.3"];

/// What came of it.
pub struct Flooded {
    /// Connections and requests, in a second.
    pub attempts: f64,
    /// Answers to requests, by status.
    pub statuses: BTreeMap<u16, usize>,
    /// How long each of the other pods took to have its certificate and its first answer.
    pub others: Vec<Duration>,
    /// How long it went on.
    pub took: Duration,
    /// The root in the attacker's spec.
    pub root: Vec<u8>,
}

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
            // The port is free again at once; loopback has some 28,000.
            socket.set_zero_linger()?;
            socket.bind(SocketAddr::new(from, 0))?;
            socket.connect(to).await
        };
        if opened.await.is_ok() {
            flood.connections.fetch_add(1, Ordering::Relaxed);
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn request(flood: Arc<Flood>, certified: Asker, token: String, n: usize) {
    while !flood.stop.load(Ordering::Relaxed) {
        let answer = if n.is_multiple_of(2) {
            certified.resources(&[("db", &[""])]).await
        } else {
            certified.certificate("app", &token, "junk").await
        };
        *flood.statuses.lock().unwrap_or_else(PoisonError::into_inner).entry(answer.status).or_default() += 1;
    }
}

/// Floods the first replica for at least `lasting` while `others` pods start one after the other. The installation has a
/// resource `db`.
pub async fn flood(world: &Installation, lasting: Duration, others: usize) -> Flooded {
    let service = world.replicas[0].mtls();
    let attacker = world.create(with_reference("attacker", "db@azurekeyvault")).await;
    let token = attacker.token("app").await;
    let certified = attacker.enrolled(service, "app").await.from(ATTACKER[0]);
    let mut waiting = Vec::new();
    for n in 0..others {
        waiting.push(world.create(with_reference(&format!("other-{n}"), "db@azurekeyvault")).await);
    }
    let flood = Arc::new(Flood::default());
    let from = ATTACKER[0].parse().unwrap_or_else(|e| panic!("{e}"));
    let connections = (0..CONNECTIONS).map(|_| tokio::spawn(connect(flood.clone(), from, service)));
    let requests = (0..REQUESTS).map(|n| tokio::spawn(request(flood.clone(), certified.clone(), token.clone(), n)));
    let tasks: Vec<_> = connections.chain(requests).collect();
    let began = Instant::now();
    let mut took = Vec::new();
    for (n, pod) in waiting.iter().enumerate() {
        let start = Instant::now();
        let asker = Asker::new(service, &pod.arguments("app").0.root).from(ATTACKER[1]);
        let asker = asker.enrolled("app", &pod.token("app").await).await;
        let answer = asker.resources(&[("db", &[""])]).await;
        assert_eq!(answer.status, 200, "pod {n}: {answer:?}");
        took.push(start.elapsed());
    }
    // Admission goes on as well.
    world.create(with_reference("admitted", "db@azurekeyvault")).await;
    tokio::time::sleep(lasting.saturating_sub(began.elapsed())).await;
    flood.stop.store(true, Ordering::Relaxed);
    let lasted = began.elapsed();
    for task in tasks {
        task.await.unwrap_or_else(|e| panic!("{e}"));
    }
    let statuses = flood.statuses.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let attempts = flood.connections.load(Ordering::Relaxed) + statuses.values().sum::<usize>();
    let attempts = attempts as f64 / lasted.as_secs_f64();
    Flooded { attempts, statuses, others: took, took: lasted, root: attacker.arguments("app").0.root }
}
