//! Trouble below HTTP, and answers that must not be trusted.

use std::time::Duration;

use akv_api::reason;
use akv_vault::{Settings, VaultClient};

use crate::faults::read;
use crate::folder::Folder;
use crate::http::Reply;
use crate::stage::{Stage, V1};

async fn fails(settings: Settings, said: &str, reason: &str) {
    let client = VaultClient::new(settings).expect("a client");
    let fault = read(&client).await.expect_err(said);
    assert_eq!(fault.reason(), reason, "{fault}");
    assert!(fault.to_string().contains(said), "{fault}");
}

#[tokio::test]
async fn tls_names_and_connections_are_told_apart() {
    let (stage, other, folder, others) = (Stage::secure().await, Stage::secure().await, Folder::new(), Folder::new());
    let wrong_ca = other.settings(&others).environment["SSL_CERT_FILE"].clone();
    let mut settings = stage.settings(&folder);
    settings.environment.insert("SSL_CERT_FILE".to_owned(), wrong_ca);
    fails(settings.clone(), "TLS failed: invalid peer certificate", reason::VAULT_UNAVAILABLE).await;
    // The right one beside it, as the extra authority.
    settings.extra_ca = Some(folder.path().join("ca.pem"));
    stage.put_secret("db", V1, "value");
    let client = VaultClient::new(settings.clone()).expect("a client");
    assert_eq!(read(&client).await.expect("trusted"), b"value");

    let cloud = |suffix: &str| {
        let mut settings = settings.clone();
        let file = format!(r#"{{"keyVaultDNSSuffix":"{suffix}","activeDirectoryEndpoint":"https://login.localhost"}}"#);
        settings.environment.insert("AZURE_ENVIRONMENT_FILEPATH".to_owned(), folder.write("other.json", &file));
        settings
    };
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = closed.local_addr().expect("an address").port();
    drop(closed);
    fails(cloud(&format!("vault.localhost:{port}")), "no connection: ", reason::VAULT_UNAVAILABLE).await;
    fails(cloud("vault.invalid"), "demo.vault.invalid does not resolve", reason::VAULT_UNAVAILABLE).await;
    fails(cloud(&format!("else.localhost:{}", stage.port())), "TLS failed: ", reason::VAULT_UNAVAILABLE).await;
}

#[tokio::test]
async fn a_token_service_that_is_gone_is_told_from_a_vault_that_is_gone() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = format!("https://login.localhost:{}", closed.local_addr().expect("an address").port());
    drop(closed);
    let mut settings = stage.settings(&folder);
    settings.environment.insert("AZURE_AUTHORITY_HOST".to_owned(), host);
    fails(settings, "the token service cannot be reached: no connection", reason::IDENTITY_FAILED).await;
}

#[tokio::test]
async fn a_challenge_for_another_service_gets_no_token() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.script(|asked| {
        let challenge = r#"Bearer authorization="https://login.localhost/t", resource="https://graph.microsoft.com""#;
        (!asked.has_token()).then(|| Reply::error(401, "Unauthorized", "", "x").with("www-authenticate", challenge))
    });
    fails(stage.settings(&folder), "graph.microsoft.com", reason::VAULT_UNAVAILABLE).await;
    assert!(stage.logins().is_empty());
}

#[tokio::test]
async fn one_read_takes_no_longer_than_it_may() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.script(|_| Some(Reply::SlowHeaders));
    let mut settings = stage.settings(&folder);
    settings.timeouts.per_try = Duration::from_secs(3600);
    settings.timeouts.total = Duration::from_millis(300);
    fails(settings, "no answer within 300ms", reason::VAULT_UNAVAILABLE).await;
}
