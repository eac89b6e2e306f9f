//! Registries without TLS, which an administrator must name.

use akv_registry::{Reason, Registry};

use crate::folder::Folder;
use crate::reply::Reply;
use crate::stage::{Stage, ask};

async fn asked(insecure: bool) -> (Stage, Result<Vec<String>, Reason>) {
    let stage = Stage::at("127.0.0.1", false).await;
    stage.put_image("app", "1", "/app");
    let realm = format!("http://{}/token", stage.host("registry.localhost"));
    stage.script(move |asked| match asked.path.as_str() {
        "/token" => Some(Reply::ok(r#"{"token":"t"}"#)),
        _ => asked.authorization.is_none().then(|| Reply::bearer(&realm)),
    });
    let folder = Folder::new();
    let mut settings = stage.settings(&folder);
    if insecure {
        settings.registries.clear();
        settings.insecure.push(stage.host("registry.localhost"));
    }
    let found = ask(&Registry::new(settings).expect("a registry"), &stage.image("app:1"), &[]).await;
    (stage, found.map(|found| found.entrypoint).map_err(|refusal| refusal.reason()))
}

#[tokio::test]
async fn a_registry_that_is_listed_for_it_speaks_plain_http() {
    assert_eq!(asked(true).await.1, Ok(vec!["/app".to_owned()]));
}

#[tokio::test]
async fn no_other_registry_does() {
    let (stage, found) = asked(false).await;
    assert!(found.is_err(), "{found:?}");
    assert!(stage.asked().is_empty());
}
