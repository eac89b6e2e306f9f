//! Who asks, what is shown to whom, and what nobody else learns.

use akv_registry::{Reason, Refusal, Registry};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::folder::Folder;
use crate::reply::{Asked, Reply};
use crate::stage::{Stage, ask};

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// Guards everything with tokens of `realm`, which it gives for `u`/`right`, for the identity `refresh`, or for nobody.
fn guard(stage: &Stage, realm: String, open: bool) {
    stage.script(move |asked| {
        if asked.path == "/token" {
            let known = match asked.method.as_str() {
                "POST" => asked.field("refresh_token").as_deref() == Some("refresh"),
                _ => asked.authorization.as_ref().map_or(open, |header| *header == basic("u", "right")),
            };
            let good = known
                && asked.field("scope").as_deref() == Some("repository:app:pull")
                && asked.field("service").as_deref() == Some("the service");
            return Some(if good { Reply::ok(r#"{"token":"t","expires_in":300}"#) } else { Reply::status(401) });
        }
        (asked.authorization.as_deref() != Some("Bearer t")).then(|| Reply::bearer(&realm))
    });
}

fn count(stage: &Stage, test: impl Fn(&Asked) -> bool) -> usize {
    stage.asked().iter().filter(|asked| test(asked)).count()
}

async fn private() -> Stage {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    guard(&stage, format!("https://{}/token", stage.host("registry.localhost")), false);
    stage
}

#[tokio::test]
async fn a_pull_secret_opens_a_private_image_and_its_token_serves_again() {
    let stage = private().await;
    let (registry, image) = (stage.registry(), stage.image("app:1"));
    let secrets = [stage.secret("registry.localhost", "u", "right")];
    for _ in 0..2 {
        assert_eq!(ask(&registry, &image, &secrets).await.expect("a command").entrypoint, ["/app"]);
    }
    assert_eq!(count(&stage, |asked| asked.path == "/token"), 1);
}

#[tokio::test]
async fn an_identity_token_is_a_refresh_token() {
    let stage = private().await;
    let login = serde_json::json!({"auth": BASE64_STANDARD.encode("00000000-0000-0000-0000-000000000000:"), "identitytoken": "refresh"});
    let secrets = [stage.secret_of("registry.localhost", login)];
    assert!(ask(&stage.registry(), &stage.image("app:1"), &secrets).await.is_ok());
    assert_eq!(count(&stage, |asked| asked.line() == "POST registry.localhost/token"), 1);
}

#[tokio::test]
async fn the_next_pull_secret_is_tried_when_one_is_refused() {
    let stage = private().await;
    let (registry, image) = (stage.registry(), stage.image("app:1"));
    let secret = |password| stage.secret("registry.localhost", "u", password);
    assert!(ask(&registry, &image, &[secret("wrong"), secret("right")]).await.is_ok());
    let refusal = ask(&registry, &image, &[secret("wrong")]).await.expect_err("a wrong password");
    assert_eq!(refusal.reason(), Reason::RegistryUnauthorized);
    assert!(!refusal.to_string().contains("wrong"), "{refusal}");
    let many: Vec<_> = (0..50).map(|_| secret("wrong")).collect();
    stage.take_lines();
    assert!(ask(&registry, &image, &many).await.is_err());
    assert_eq!(count(&stage, |asked| asked.path == "/token"), 4, "a pod with many wrong secrets is no attack");
}

#[tokio::test]
async fn nobody_learns_from_the_cache_what_he_may_not_see() {
    let stage = private().await;
    let (registry, image) = (stage.registry(), stage.image("app:1"));
    let digest =
        ask(&registry, &image, &[stage.secret("registry.localhost", "u", "right")]).await.expect("a command").digest;
    let by_digest = stage.image(&format!("app@{digest}"));
    for image in [&image, &by_digest] {
        for secrets in [vec![], vec![stage.secret("registry.localhost", "u", "wrong")]] {
            let refusal = ask(&registry, image, &secrets).await.expect_err("not his");
            assert_eq!(refusal.reason(), Reason::RegistryUnauthorized);
        }
    }
}

#[tokio::test]
async fn an_open_registry_gives_a_token_to_nobody_in_particular() {
    let stage = private().await;
    guard(&stage, format!("https://{}/token", stage.host("registry.localhost")), true);
    assert!(ask(&stage.registry(), &stage.image("app:1"), &[]).await.is_ok());
}

#[tokio::test]
async fn a_password_is_shown_only_when_it_is_asked_for() {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    stage.script(|asked| {
        let good = asked.authorization == Some(basic("u", "right"));
        (!good).then(|| Reply::status(401).with("www-authenticate", "Basic realm=\"x\""))
    });
    let secrets = [stage.secret("registry.localhost", "u", "right"), stage.secret("evil.localhost", "e", "x")];
    assert!(ask(&stage.registry(), &stage.image("app:1"), &secrets).await.is_ok());
    let asked = stage.asked();
    assert_eq!(asked[0].authorization, None);
    assert!(asked[1..].iter().all(|asked| asked.authorization == Some(basic("u", "right"))));
}

/// A private image whose challenge names `realm`; nothing of the pull secret may have been sent anywhere.
async fn realm(realm: impl Fn(&Stage) -> String) -> Refusal {
    let stage = private().await;
    guard(&stage, realm(&stage), true);
    let secrets = [stage.secret("registry.localhost", "u", "right")];
    let refusal = ask(&stage.registry(), &stage.image("app:1"), &secrets).await.expect_err("a foreign realm");
    assert_eq!(count(&stage, |asked| asked.authorization.is_some() || asked.host != "registry.localhost"), 0);
    refusal
}

#[tokio::test]
async fn a_credential_is_not_shown_to_a_realm_elsewhere() {
    let refusal = realm(|stage| format!("https://{}/token", stage.host("evil.localhost"))).await;
    assert!(refusal.to_string().contains("not of its own domain"), "{refusal}");
    for text in [
        "http://registry.localhost:$P/token",
        "https://registry.localhost:1/token",
        "https://registry.localhost/token",
        "https://registry.localhost:$P@evil.localhost:$P/token",
        "https://169.254.169.254/metadata/identity/oauth2/token",
        "https://127.0.0.1:$P/token",
    ] {
        let refusal = realm(|stage| text.replace("$P", &stage.port().to_string())).await;
        assert_eq!(refusal.reason(), Reason::RegistryRefused, "{text}");
    }
    for text in ["", "/token", "nonsense"] {
        assert_eq!(realm(|_| text.to_owned()).await.reason(), Reason::RegistryBroken, "{text}");
    }
}

#[tokio::test]
async fn a_realm_of_the_same_owner_can_be_listed() {
    let stage = private().await;
    guard(&stage, format!("https://{}/token", stage.host("auth.localhost")), false);
    let folder = Folder::new();
    let mut settings = stage.settings(&folder);
    settings.realms.push((stage.host("registry.localhost"), stage.host("auth.localhost")));
    let registry = Registry::new(settings).expect("a registry");
    let secrets = [stage.secret("registry.localhost", "u", "right")];
    assert!(ask(&registry, &stage.image("app:1"), &secrets).await.is_ok());
}

#[tokio::test]
async fn a_token_service_that_sends_us_on_gets_nobody_anything() {
    let stage = private().await;
    let elsewhere = format!("https://{}/token", stage.host("evil.localhost"));
    let realm = format!("https://{}/token", stage.host("registry.localhost"));
    stage.script(move |asked| match asked.path.as_str() {
        "/token" => Some(Reply::redirect(&elsewhere)),
        _ => Some(Reply::bearer(&realm)),
    });
    let secrets = [stage.secret("registry.localhost", "u", "right")];
    assert!(ask(&stage.registry(), &stage.image("app:1"), &secrets).await.is_err());
    assert_eq!(count(&stage, |asked| asked.host == "evil.localhost"), 0);
}

#[tokio::test]
async fn a_token_that_is_none_is_refused() {
    for body in ["canary", "{}", r#"{"token":""}"#, r#"{"token":"a\r\nX: canary"}"#, r#"{"token":["canary"]}"#] {
        let stage = private().await;
        let realm = format!("https://{}/token", stage.host("registry.localhost"));
        stage.script(move |asked| Some(if asked.path == "/token" { Reply::ok(body) } else { Reply::bearer(&realm) }));
        let refusal = ask(&stage.registry(), &stage.image("app:1"), &[]).await.expect_err(body);
        assert_eq!(refusal.reason(), Reason::RegistryBroken);
        assert!(!refusal.to_string().contains("canary"), "{refusal}");
    }
}
