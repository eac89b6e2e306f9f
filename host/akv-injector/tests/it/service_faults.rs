//! What the service's trouble does to a container.

use crate::container::variable;
use crate::service::{answer, arguments, container, values};
use crate::stage::{Stage, Trouble};
use crate::vault::World;
use akv_wire::arguments::Arguments;
use akv_wire::message::{CERTIFICATE, RESOURCES};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

async fn stage(world: &World) -> Stage {
    let answered = answer(world, None, &[("db", values(&["fine"], &[]))]);
    Stage::start(move |_| answered.clone()).await
}

/// The container starts in spite of this trouble.
async fn passes(name: &str, trouble: Trouble, at_least: Duration) {
    let world = World::with(name, &[]).await;
    let stage = stage(&world).await;
    stage.trouble(trouble);
    let began = Instant::now();
    let ended = container(&arguments(&world, &stage), &["env", "-0"]).variable("V", "db@azurekeyvault").run().await;
    assert_eq!(variable(&ended.good(), "V"), Some("fine"), "{name}");
    assert!(began.elapsed() >= at_least, "{name}: {:?}", began.elapsed());
    assert_eq!(stage.asked().len(), 3, "{name}: {:?}", stage.asked());
}

/// It does not, and is not tried again.
async fn stops(name: &str, trouble: Trouble, expected: &str) {
    let world = World::with(name, &[]).await;
    let stage = stage(&world).await;
    stage.trouble(trouble);
    let ended = container(&arguments(&world, &stage), &["true"]).variable("V", "db@azurekeyvault").run().await;
    let line = ended.failure(1);
    assert!(line.contains(expected), "{name}: {line}");
}

fn plain(path: &'static str, status: u16, retry_after: Option<&'static str>, body: &str) -> Trouble {
    Trouble { path, status, retry_after, body: body.to_owned() }
}

#[tokio::test]
async fn passing_trouble_is_waited_for() {
    let none = Duration::ZERO;
    passes("409", Trouble::refused(CERTIFICATE, 409, true), none).await;
    passes("503", Trouble::refused(RESOURCES, 503, true), none).await;
    let busy = Trouble { retry_after: Some("2"), ..Trouble::refused(RESOURCES, 429, true) };
    passes("429", busy, Duration::from_secs(2)).await;
    passes("proxy-502", plain(RESOURCES, 502, None, "<html>"), none).await;
    passes("proxy-429", plain(CERTIFICATE, 429, Some("1"), "slow down"), Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_refusal_is_final() {
    stops("401", Trouble::refused(CERTIFICATE, 401, false), "refuses: Purpose: status 401 on purpose").await;
    stops("403", Trouble::refused(RESOURCES, 403, false), "refuses: Purpose: status 403 on purpose").await;
    stops("404", plain(RESOURCES, 404, None, ""), "older than this executable").await;
    stops("junk", plain(RESOURCES, 200, None, "canary-6b1f"), "an answer that is none").await;
    stops("junk-chain", plain(CERTIFICATE, 200, None, r#"{"chain":"canary-6b1f"}"#), "cannot be read").await;
    stops("long", plain(RESOURCES, 429, Some("3600"), "canary-6b1f"), "429").await;
}

#[tokio::test]
async fn a_service_that_is_not_there_yet_is_waited_for() {
    let world = World::with("refused", &[]).await;
    let stage = stage(&world).await;
    // A port that nobody listens on, until a forwarder does.
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let away = Arguments { service: Some(format!("https://localhost:{}", port.port())), ..arguments(&world, &stage) };
    let target = stage.base().replace("https://", "");
    let running =
        tokio::spawn(
            async move { container(&away, &["env", "-0"]).variable("V", "db@azurekeyvault").run().await.good() },
        );
    tokio::time::sleep(Duration::from_secs(1)).await;
    let listener = TcpListener::bind(port).await.expect("the port is still free");
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                let mut to = tokio::net::TcpStream::connect(target).await.expect("the service");
                let _ended = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            });
        }
    });
    assert_eq!(variable(&running.await.expect("no panic"), "V"), Some("fine"));
}

#[tokio::test]
async fn another_service_is_not_believed() {
    let world = World::with("root", &[]).await;
    let (stage, other) = (stage(&world).await, stage(&world).await);
    let wrong = Arguments { root: other.root(), ..arguments(&world, &stage) };
    let began = Instant::now();
    let line = container(&wrong, &["true"]).variable("V", "db@azurekeyvault").run().await.failure(1);
    assert!(line.contains("certificate") && line.contains("create the pod again"), "{line}");
    assert!(stage.asked().is_empty(), "the token was not sent");
    assert!(began.elapsed() < Duration::from_secs(30), "waiting would not help");
    let none = Arguments { root: b"junk".to_vec(), ..arguments(&world, &stage) };
    let line = container(&none, &["true"]).variable("V", "db@azurekeyvault").run().await.failure(1);
    assert!(line.contains("--root"), "{line}");
    let unread = Arguments { token: Some("/no/token".to_owned()), ..arguments(&world, &stage) };
    let line = container(&unread, &["true"]).variable("V", "db@azurekeyvault").run().await.failure(1);
    assert!(line.contains("/no/token"), "{line}");
}

#[tokio::test]
async fn a_service_that_says_nothing_is_left_at_the_deadline() {
    let world = World::with("silent", &[]).await;
    let stage = stage(&world).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let away = Arguments { service: Some(format!("https://localhost:{port}")), ..arguments(&world, &stage) };
    let began = Instant::now();
    let line = container(&away, &["true"]).variable("V", "db@azurekeyvault").run().await.failure(1);
    assert!(line.contains("the auth service could not be reached"), "{line}");
    assert!(began.elapsed() < Duration::from_secs(75), "{:?}", began.elapsed());
    drop(silent);
}
