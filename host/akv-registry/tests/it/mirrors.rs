//! Mirrors: asked first, by their own names and credentials.

use std::time::Duration;

use akv_registry::{Image, Reason, Registry, Settings};

use crate::folder::Folder;
use crate::reply::Reply;
use crate::stage::{Stage, ask, ask_for};

fn with_mirror(stage: &Stage, of: &str, at: &str, listed: bool) -> Registry {
    let folder = Folder::new();
    let mut settings: Settings = stage.settings(&folder);
    if !listed {
        settings.registries.clear();
    }
    settings.mirrors.insert(of.to_owned(), vec![stage.host(at) + "/hub"]);
    Registry::new(settings).expect("a registry")
}

#[tokio::test]
async fn docker_hub_is_read_from_its_mirror_though_it_is_not_allowed_itself() {
    let stage = Stage::new().await;
    stage.put_image("hub/library/nginx", "1", "/nginx");
    let registry = with_mirror(&stage, "docker.io", "mirror.localhost", false);
    let found = ask(&registry, &Image::parse("nginx:1").expect("an image"), &[]).await.expect("a command");
    assert_eq!(found.entrypoint, ["/nginx"]);
    let refusal = ask(&registry, &Image::parse("ghcr.io/x").expect("an image"), &[]).await.expect_err("not allowed");
    assert_eq!(refusal.reason(), Reason::RegistryNotAllowed);
}

#[tokio::test]
async fn the_registry_is_asked_when_its_mirror_has_nothing() {
    for status in [404, 500, 403] {
        let stage = Stage::new().await;
        stage.put_image("app", "1", "/app");
        stage.script(move |asked| (asked.host == "mirror.localhost").then(|| Reply::status(status)));
        let registry = with_mirror(&stage, &stage.host("registry.localhost"), "mirror.localhost", true);
        let found = ask(&registry, &stage.image("app:1"), &[]).await.expect("a command");
        assert_eq!(found.entrypoint, ["/app"]);
        assert_eq!(stage.asked()[0].host, "mirror.localhost");
    }
}

#[tokio::test]
async fn a_mirror_is_not_shown_the_registrys_credential() {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    stage.script(|asked| {
        asked.authorization.is_none().then(|| Reply::status(401).with("www-authenticate", "Basic realm=\"x\""))
    });
    let registry = with_mirror(&stage, &stage.host("registry.localhost"), "mirror.localhost", true);
    let secrets = [stage.secret("registry.localhost", "u", "right")];
    ask(&registry, &stage.image("app:1"), &secrets).await.expect("a command");
    let asked = stage.asked();
    assert!(asked.iter().any(|asked| asked.host == "mirror.localhost"));
    assert!(asked.iter().all(|asked| asked.host == "registry.localhost" || asked.authorization.is_none()));
}

#[tokio::test]
async fn a_mirror_that_says_nothing_leaves_time_for_the_registry() {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    stage.script(|asked| (asked.host == "mirror.localhost").then_some(Reply::Silence));
    let registry = with_mirror(&stage, &stage.host("registry.localhost"), "mirror.localhost", true);
    let found = ask_for(&registry, &stage.image("app:1"), &[], Duration::from_secs(10)).await.expect("a command");
    assert_eq!(found.entrypoint, ["/app"]);
}
