//! How often a registry is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use akv_registry::{Image, Platform, PullPolicy, PullSecret, Reason, Registry, Settings};
use tokio::time::Instant;

use crate::folder::Folder;
use crate::reply::Reply;
use crate::stage::{PATIENCE, Stage, ask, ask_for};

const HEAD: &str = "HEAD registry.localhost/v2/app/manifests/";

async fn with(registry: &Registry, image: &Image, policy: PullPolicy, secrets: &[PullSecret]) {
    let deadline = Instant::now() + PATIENCE;
    registry.command(image, &Platform::new("amd64"), secrets, policy, deadline).await.expect("a command");
}

#[tokio::test]
async fn a_hundred_pods_of_one_image_are_one_look_up() {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    let (registry, image) = (stage.registry(), stage.image("app:1"));
    let callers = (0..100).map(|_| {
        let (registry, image) = (registry.clone(), image.clone());
        tokio::spawn(async move { ask(&registry, &image, &[]).await })
    });
    for found in futures::future::join_all(callers).await {
        assert_eq!(found.expect("no panic").expect("a command").entrypoint, ["/app"]);
    }
    let lines = stage.take_lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[tokio::test]
async fn a_tag_is_asked_for_each_time_unless_a_node_would_not() {
    let stage = Stage::new().await;
    for tag in ["1", "latest"] {
        stage.put_image("app", tag, "/app");
    }
    let registry = stage.registry();
    for (tag, policy, again) in [
        ("1", PullPolicy::Always, true),
        ("1", PullPolicy::IfNotPresent, false),
        ("1", PullPolicy::Never, false),
        ("latest", PullPolicy::IfNotPresent, true),
    ] {
        let image = stage.image(&format!("app:{tag}"));
        with(&registry, &image, policy, &[]).await;
        stage.take_lines();
        with(&registry, &image, policy, &[]).await;
        let expected = if again { vec![format!("{HEAD}{tag}")] } else { vec![] };
        assert_eq!(stage.take_lines(), expected, "{tag} {policy:?}");
    }
}

#[tokio::test]
async fn a_tag_that_moved_is_seen() {
    let stage = Stage::new().await;
    let registry = stage.registry();
    for entrypoint in ["/one", "/two"] {
        stage.put_image("app", "1", entrypoint);
        let found = ask(&registry, &stage.image("app:1"), &[]).await.expect("a command");
        assert_eq!(found.entrypoint, [entrypoint]);
    }
}

#[tokio::test]
async fn what_was_kept_ends_with_its_time() {
    let stage = Stage::new().await;
    let folder = Folder::new();
    let settings = Settings { keep: Duration::ZERO, ..stage.settings(&folder) };
    let registry = Registry::new(settings).expect("a registry");
    stage.put_image("app", "1", "/app");
    for _ in 0..2 {
        with(&registry, &stage.image("app:1"), PullPolicy::IfNotPresent, &[]).await;
        assert_eq!(stage.take_lines().len(), 3);
    }
}

#[tokio::test]
async fn other_credentials_are_another_look_up() {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    let registry = stage.registry();
    for user in ["a", "b"] {
        let secrets = [stage.secret("registry.localhost", user, "p")];
        with(&registry, &stage.image("app:1"), PullPolicy::IfNotPresent, &secrets).await;
        assert_eq!(stage.take_lines().len(), 3);
        // One for another registry makes no difference.
        let secrets = [stage.secret("mirror.localhost", "x", "p"), secrets[0].clone()];
        with(&registry, &stage.image("app:1"), PullPolicy::IfNotPresent, &secrets).await;
        assert!(stage.take_lines().is_empty());
    }
}

#[tokio::test]
async fn who_can_wait_does_not_suffer_from_one_who_cannot() {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    let first = AtomicUsize::new(0);
    stage.script(move |_| (first.fetch_add(1, Ordering::SeqCst) == 0).then_some(Reply::Silence));
    let (registry, image) = (stage.registry(), stage.image("app:1"));
    let hasty = ask_for(&registry, &image, &[], Duration::from_secs(1));
    let (hasty, patient) = tokio::join!(hasty, ask(&registry, &image, &[]));
    assert_eq!(hasty.expect_err("no time").reason(), Reason::RegistryTimeout);
    assert_eq!(patient.expect("a command").entrypoint, ["/app"]);
}
