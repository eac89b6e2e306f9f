//! Registries that are slow, busy, dead or somebody else's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use akv_registry::{Image, Reason, Registry, Settings};

use crate::folder::Folder;
use crate::reply::Reply;
use crate::stage::{PATIENCE, Stage, ask, ask_for};

#[tokio::test]
async fn a_busy_registry_is_asked_again_when_it_says_so() {
    for (reply, pause) in [(Reply::status(429).with("retry-after", "1"), 1), (Reply::status(503), 0)] {
        let stage = Stage::new().await;
        stage.put_image("app", "1", "/app");
        let count = AtomicUsize::new(0);
        stage.script(move |_| (count.fetch_add(1, Ordering::SeqCst) == 0).then(|| reply.clone()));
        let begun = Instant::now();
        ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect("a command");
        assert!(begun.elapsed() >= Duration::from_secs(pause));
    }
}

#[tokio::test]
async fn a_registry_that_wants_more_time_than_there_is_is_left_alone() {
    let stage = Stage::new().await;
    let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"canary"}]}"#;
    stage.script(move |_| Some(Reply::Full(429, vec![("retry-after", "3600".to_owned())], body.to_owned())));
    let refusal = ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect_err("busy");
    assert_eq!(refusal.reason(), Reason::RegistryThrottled);
    assert_eq!(refusal.retry_after(), Some(Duration::from_secs(3600)));
    assert!(!refusal.to_string().contains("canary"), "{refusal}");
    assert_eq!(stage.asked().len(), 1);
}

#[tokio::test]
async fn a_registry_that_stays_down_is_asked_four_times() {
    let stage = Stage::new().await;
    stage.script(|_| Some(Reply::status(503)));
    let refusal = ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect_err("down");
    assert_eq!(refusal.reason(), Reason::RegistryUnavailable);
    assert!(refusal.to_string().contains("503"), "{refusal}");
    assert_eq!(stage.asked().len(), 4);
}

#[tokio::test]
async fn the_deadline_ends_every_silence() {
    let half = || Reply::Half("{".to_owned());
    for (place, reply) in [
        // A tag is asked for by `HEAD`, whose answer has no body to be slow with.
        ("/manifests/1", Reply::Silence),
        ("/manifests/sha256", Reply::Silence),
        ("/manifests/sha256", half()),
        ("/blobs/", Reply::Silence),
        ("/blobs/", half()),
    ] {
        let stage = Stage::new().await;
        stage.put_image("app", "1", "/app");
        stage.script(move |asked| asked.path.contains(place).then(|| reply.clone()));
        let begun = Instant::now();
        let found = ask_for(&stage.registry(), &stage.image("app:1"), &[], Duration::from_secs(1)).await;
        assert!(begun.elapsed() < PATIENCE / 2);
        assert_eq!(found.expect_err("slow").reason(), Reason::RegistryTimeout, "{place}");
    }
}

#[tokio::test]
async fn a_dead_host_is_unavailable() {
    let stage = Stage::new().await;
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("an address").port()
    };
    let folder = Folder::new();
    let mut settings = stage.settings(&folder);
    settings.registries = vec![format!("registry.localhost:{port}"), "gone.invalid".to_owned()];
    let registry = Registry::new(settings).expect("a registry");
    for name in [format!("registry.localhost:{port}/app"), "gone.invalid/app".to_owned()] {
        let refusal = ask(&registry, &Image::parse(&name).expect("an image"), &[]).await.expect_err("dead");
        assert_eq!(refusal.reason(), Reason::RegistryUnavailable, "{refusal}");
    }
}

#[tokio::test]
async fn a_registry_of_an_unknown_authority_is_not_trusted() {
    let stage = Stage::new().await;
    let folder = Folder::new();
    let settings = Settings { extra_ca: None, ..stage.settings(&folder) };
    let registry = Registry::new(settings).expect("a registry");
    let secrets = [stage.secret("registry.localhost", "u", "right")];
    let refusal = ask(&registry, &stage.image("app:1"), &secrets).await.expect_err("a stranger");
    assert_eq!(refusal.reason(), Reason::RegistryUntrusted);
    assert!(refusal.to_string().contains("extra CA"), "{refusal}");
    assert!(stage.asked().is_empty());
}

#[tokio::test]
async fn an_authority_file_that_holds_none_is_named() {
    let folder = Folder::new();
    for path in [folder.write("empty.pem", "nothing"), folder.path().join("gone.pem")] {
        let settings = Settings { extra_ca: Some(path.clone()), ..Settings::new(Vec::new()) };
        let fault = Registry::new(settings).expect_err("no authority").to_string();
        assert!(fault.contains(path.to_str().expect("text")), "{fault}");
    }
}
