//! A token or secret that is refused makes the credential anew, rarely.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use akv_api::reason;
use akv_core::{ObjectKind, Part};
use akv_vault::{AuthType, Settings, VaultClient, VaultError};

use crate::folder::Folder;
use crate::http::Reply;
use crate::objects::{demo, object, parts};
use crate::stage::{Stage, V1};

async fn read(client: &VaultClient) -> Result<(), VaultError> {
    let wanted = object(ObjectKind::Secret, "db", None);
    client.read(&demo(), &wanted, &parts(&[Part::Private])).await.map(|_| ())
}

fn unauthorized() -> Reply {
    let challenge = r#"Bearer authorization="https://login.localhost/t", resource="https://vault.localhost""#;
    Reply::error(401, "Unauthorized", "", "AKV10032: Invalid issuer.").with("www-authenticate", challenge)
}

#[tokio::test]
async fn a_vault_that_worked_and_refuses_the_token_gets_a_new_one_within_the_same_read() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.put_secret("db", V1, "x");
    let client = VaultClient::new(stage.settings(&folder)).expect("a client");
    read(&client).await.expect("a secret");
    stage.script(|asked| {
        let old = asked.headers.get("authorization").is_some_and(|token| token == "Bearer token-0");
        old.then(unauthorized)
    });
    read(&client).await.expect("a secret by the new token");
    assert_eq!(stage.logins().len(), 2);
    // Refused again within the minute: the error is told, and the token service is left alone.
    stage.script(|asked| asked.headers.contains_key("authorization").then(unauthorized));
    for _ in 0..3 {
        let fault = read(&client).await.expect_err("refused");
        assert_eq!(fault.reason(), reason::VAULT_UNAUTHORIZED);
        assert!(fault.to_string().contains("401 Unauthorized: AKV10032: Invalid issuer"), "{fault}");
    }
    assert_eq!(stage.logins().len(), 2);
    stage.mend();
    read(&client).await.expect("a secret again, without a restart");
}

#[tokio::test]
async fn a_vault_that_never_worked_does_not_make_the_credential_anew() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.put_secret("db", V1, "x");
    stage.script(|asked| asked.headers.contains_key("authorization").then(unauthorized));
    let client = VaultClient::new(stage.settings(&folder)).expect("a client");
    for _ in 0..2 {
        assert_eq!(read(&client).await.expect_err("refused").reason(), reason::VAULT_UNAUTHORIZED);
    }
    assert_eq!(stage.logins().len(), 1);
    stage.mend();
    read(&client).await.expect("a secret");
}

#[tokio::test]
async fn a_client_secret_that_was_replaced_in_its_file_counts_without_a_restart() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.put_secret("db", V1, "x");
    let file = |secret: &str| {
        folder.write(
            "azure.yaml",
            &format!("cloud: AzureStackCloud\ntenantId: t\naadClientId: c\naadClientSecret: {secret}\n"),
        )
    };
    let settings =
        Settings { auth: AuthType::AzureCloudConfig, cloud_config: file("old").into(), ..stage.settings(&folder) };
    let client = VaultClient::new(settings).expect("a client");
    let refused = Arc::new(AtomicUsize::new(0));
    let count = refused.clone();
    stage.script(move |asked| {
        (asked.field("client_secret") == "old").then(|| {
            count.fetch_add(1, Ordering::SeqCst);
            let body = r#"{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app 'c' are expired.\r\nTrace ID: x"}"#;
            Reply::Full(401, Vec::new(), body.to_owned())
        })
    });
    file("new");
    read(&client).await.expect("a secret by the new client secret");
    assert_eq!(refused.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_clusters_token_is_read_again_for_every_login() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.put_secret("db", V1, "x");
    // A token of less than five minutes is not kept, so that each read logs in.
    stage.script(|asked| {
        let token = r#"{"access_token":"short","expires_in":60,"token_type":"Bearer"}"#;
        asked.host.starts_with("login.").then(|| Reply::ok(token))
    });
    let mut settings = Settings { auth: AuthType::EnvironmentAzidentity, ..stage.settings(&folder) };
    settings.environment.remove("AZURE_CLIENT_SECRET");
    settings.environment.insert("AZURE_FEDERATED_TOKEN_FILE".to_owned(), folder.write("token", "first"));
    let client = VaultClient::new(settings).expect("a client");
    for token in ["first", "second"] {
        folder.write("token", token);
        read(&client).await.expect("a secret");
        let last = stage.logins().last().map(|asked| asked.field("client_assertion"));
        assert_eq!(last.as_deref(), Some(token));
    }
}

#[tokio::test]
async fn a_herd_of_reads_logs_in_once_and_renews_once() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.put_secret("db", V1, "x");
    let client = VaultClient::new(stage.settings(&folder)).expect("a client");
    let herd = || futures::future::join_all((0..40).map(|_| read(&client)));
    assert!(herd().await.iter().all(Result::is_ok));
    assert_eq!(stage.logins().len(), 1);
    stage.script(|asked| {
        let old = asked.headers.get("authorization").is_some_and(|token| token == "Bearer token-0");
        old.then(unauthorized)
    });
    assert!(herd().await.iter().all(Result::is_ok));
    assert_eq!(stage.logins().len(), 2);
}
