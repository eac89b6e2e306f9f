//! The token exchange of the cloud's registries, and who is never shown the identity's token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use akv_registry::{Exchange, Image, PullSecret, Reason, Refusal, Registry, Settings, Token};

use crate::folder::Folder;
use crate::reply::{Asked, Reply};
use crate::stage::{Stage, ask};

const LOGIN: &str = "my.azurecr.localhost";

struct Cloud {
    stage: Stage,
    registry: Registry,
    tokens: Arc<AtomicUsize>,
}

/// A private image at every name of the stage, whose registry speaks the exchange.
async fn cloud(identity: Result<&'static str, &'static str>, change: impl Fn(&mut Settings)) -> Cloud {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    let login = stage.host(LOGIN);
    stage.script(move |asked| speak(asked, &login));
    let folder = Folder::new();
    let mut settings = stage.settings(&folder);
    let tokens = Arc::new(AtomicUsize::new(0));
    let counted = tokens.clone();
    settings.exchange = Some(Exchange {
        suffix: stage.host("azurecr.localhost"),
        tenant: Some("tenant".to_owned()),
        token: Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move { identity.map(|text| Token::new(text.to_owned())).map_err(str::to_owned) })
        }),
    });
    change(&mut settings);
    Cloud { registry: Registry::new(settings).expect("a registry"), stage, tokens }
}

fn speak(asked: &Asked, login: &str) -> Option<Reply> {
    let field = |name: &str| asked.field(name).unwrap_or_default();
    let service = field("service") == login;
    match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/oauth2/exchange") => {
            let good = service
                && field("grant_type") == "access_token"
                && field("tenant") == "tenant"
                && field("access_token") == "identity";
            Some(if good { Reply::ok(r#"{"refresh_token":"refresh"}"#) } else { Reply::status(401) })
        }
        ("POST", "/oauth2/token") => {
            let good = service
                && field("grant_type") == "refresh_token"
                && field("refresh_token") == "refresh"
                && field("scope") == "repository:app:pull";
            Some(if good { Reply::ok(r#"{"access_token":"access"}"#) } else { Reply::status(401) })
        }
        _ if asked.authorization.as_deref() == Some("Bearer access") => None,
        _ => Some(Reply::bearer(&format!("https://{login}/oauth2/token"))),
    }
}

impl Cloud {
    async fn ask(&self, host: &str, secrets: &[PullSecret]) -> Result<Vec<String>, Refusal> {
        let image = Image::parse(&format!("{}/app:1", self.stage.host(host))).expect("an image");
        ask(&self.registry, &image, secrets).await.map(|found| found.entrypoint)
    }

    fn shown(&self) -> usize {
        self.stage.asked().iter().filter(|asked| asked.body.contains("identity")).count()
    }
}

#[tokio::test]
async fn the_clouds_registry_opens_to_the_identity() {
    let cloud = cloud(Ok("identity"), |_| ()).await;
    assert_eq!(cloud.ask(LOGIN, &[]).await.expect("a command"), ["/app"]);
    assert_eq!(cloud.shown(), 1);
    let asked = cloud.stage.asked();
    assert!(asked.iter().all(|asked| asked.authorization.as_ref().is_none_or(|header| header == "Bearer access")));
}

#[tokio::test]
async fn a_host_that_only_looks_like_one_is_shown_nothing() {
    let cloud = cloud(Ok("identity"), |_| ()).await;
    for host in ["evil-azurecr.localhost", "registry.localhost", "127.0.0.1"] {
        let refusal = cloud.ask(host, &[]).await.expect_err(host);
        assert_eq!(refusal.reason(), Reason::RegistryRefused, "the realm is foreign: {refusal}");
    }
    assert_eq!((cloud.tokens.load(Ordering::SeqCst), cloud.shown()), (0, 0));
}

#[tokio::test]
async fn the_identitys_token_does_not_follow_a_redirect() {
    let cloud = cloud(Ok("identity"), |_| ()).await;
    let login = cloud.stage.host(LOGIN);
    let elsewhere = format!("https://{}/oauth2/exchange", cloud.stage.host("evil.localhost"));
    cloud.stage.script(move |asked| match asked.path.as_str() {
        "/oauth2/exchange" => Some(Reply::redirect(&elsewhere)),
        _ => speak(asked, &login),
    });
    assert!(cloud.ask(LOGIN, &[]).await.is_err());
    assert!(cloud.stage.asked().iter().all(|asked| asked.host == LOGIN));
    assert_eq!(cloud.shown(), 1);
}

#[tokio::test]
async fn the_identitys_token_is_not_sent_in_the_clear() {
    let cloud = cloud(Ok("identity"), |settings| {
        settings.insecure = settings.registries.clone();
    })
    .await;
    assert!(cloud.ask(LOGIN, &[]).await.is_err());
    assert_eq!(cloud.tokens.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_pull_secret_comes_before_the_identity() {
    let cloud = cloud(Ok("identity"), |_| ()).await;
    let login = cloud.stage.host(LOGIN);
    cloud.stage.script(move |asked| match asked.path.as_str() {
        "/oauth2/token" if asked.method == "GET" => Some(Reply::ok(r#"{"access_token":"access"}"#)),
        _ => speak(asked, &login),
    });
    cloud.ask(LOGIN, &[cloud.stage.secret(LOGIN, "u", "p")]).await.expect("a command");
    assert_eq!(cloud.tokens.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_identity_without_a_token_or_a_right_is_named() {
    let cases =
        [(Err("AADSTS700016: no such application"), "AADSTS700016"), (Ok("another"), "identity of the installation")];
    for (identity, part) in cases {
        let refusal = cloud(identity, |_| ()).await.ask(LOGIN, &[]).await.expect_err(part);
        assert_eq!(refusal.reason(), Reason::RegistryUnauthorized);
        assert!(refusal.to_string().contains(part), "{refusal}");
        assert!(!refusal.to_string().contains("another"), "{refusal}");
    }
}

#[tokio::test]
async fn a_public_image_opens_when_the_exchange_fails() {
    let cloud = cloud(Err("none"), |_| ()).await;
    let login = cloud.stage.host(LOGIN);
    cloud.stage.script(move |asked| match asked.path.as_str() {
        "/oauth2/token" if asked.method == "GET" => Some(Reply::ok(r#"{"access_token":"access"}"#)),
        _ => speak(asked, &login),
    });
    cloud.ask(LOGIN, &[]).await.expect("a command");
}
