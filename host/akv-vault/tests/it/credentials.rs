//! Every credential logs in as its service wants it, and a secret is read with the token.

use akv_core::{ObjectKind, Part};
use akv_vault::{AuthType, Settings, VaultClient};

use crate::folder::Folder;
use crate::http::{Asked, Reply};
use crate::objects::{demo, object, parts};
use crate::stage::{Stage, V1};

fn set(settings: &mut Settings, pairs: &[(&str, &str)]) {
    for (name, text) in pairs {
        settings.environment.insert((*name).to_owned(), (*text).to_owned());
    }
}

fn application(name: &str) -> String {
    format!("{}/tests/data/application/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Reads a secret with `settings` and gives the requests for a token, of `logins` if it is another listener.
async fn login(stage: &Stage, settings: Settings, logins: &Stage) -> Vec<Asked> {
    stage.put_secret("db", V1, "value");
    let client = VaultClient::new(settings).expect("a client");
    for _ in 0..2 {
        let wanted = object(ObjectKind::Secret, "db", None);
        let read = client.read(&demo(), &wanted, &parts(&[Part::Private])).await.expect("a secret");
        assert_eq!(read.private.expect("a value").expose(), b"value");
    }
    logins.logins()
}

#[tokio::test]
async fn a_client_secret_logs_in_by_variables_or_by_the_cloud_config_file() {
    for auth in [AuthType::Environment, AuthType::EnvironmentAzidentity, AuthType::AzureCloudConfig] {
        let (stage, folder) = (Stage::secure().await, Folder::new());
        let mut settings = Settings { auth, ..stage.settings(&folder) };
        if auth == AuthType::AzureCloudConfig {
            let file = "cloud: azurestackcloud\ntenantId: tenant\naadClientId: client\naadClientSecret: s+cret&=\n";
            settings.cloud_config = folder.write("azure.yaml", file).into();
            set(&mut settings, &[("AZURE_ENVIRONMENT", "AzureChinaCloud"), ("AZURE_CLIENT_SECRET", "wrong")]);
        }
        let logins = login(&stage, settings, &stage).await;
        assert_eq!(logins.len(), 1, "{auth:?}");
        assert_eq!(logins[0].path, "/tenant/oauth2/v2.0/token");
        assert_eq!(logins[0].field("client_secret"), "s+cret&=");
        assert_eq!(logins[0].field("client_id"), "client");
        assert_eq!(logins[0].field("scope"), "https://vault.localhost/.default");
    }
}

#[tokio::test]
async fn a_client_certificate_logs_in_by_variables_or_by_the_cloud_config_file() {
    for auth in [AuthType::Environment, AuthType::EnvironmentAzidentity, AuthType::AzureCloudConfig] {
        let (stage, folder) = (Stage::secure().await, Folder::new());
        let mut settings = Settings { auth, ..stage.settings(&folder) };
        set(&mut settings, &[("AZURE_CLIENT_SECRET", "")]);
        let file = application("modern.p12");
        match auth {
            AuthType::Environment => {
                set(&mut settings, &[("AZURE_CERTIFICATE_PATH", &file), ("AZURE_CERTIFICATE_PASSWORD", "application")]);
            }
            AuthType::EnvironmentAzidentity => {
                set(&mut settings, &[("AZURE_CLIENT_CERTIFICATE_PATH", &application("pkcs1.pem"))]);
            }
            AuthType::AzureCloudConfig => {
                let content = format!(
                    r#"{{"tenantId":"tenant","aadClientId":"client","aadClientCertPath":"{file}","aadClientCertPassword":"application"}}"#
                );
                settings.cloud_config = folder.write("azure.json", &content).into();
            }
        }
        let logins = login(&stage, settings, &stage).await;
        assert_eq!(logins.len(), 1, "{auth:?}");
        assert!(logins[0].field("client_assertion_type").ends_with("jwt-bearer"));
        // What it says and that it verifies stands in the tests of the signer.
        assert_eq!(logins[0].field("client_assertion").split('.').count(), 3);
        assert_eq!(logins[0].field("client_secret"), "");
    }
}

#[tokio::test]
async fn workload_identity_shows_the_clusters_token_without_its_line_end() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    let mut settings = Settings { auth: AuthType::EnvironmentAzidentity, ..stage.settings(&folder) };
    let authority = format!("https://login.localhost:{}/", stage.port());
    set(
        &mut settings,
        &[
            ("AZURE_CLIENT_SECRET", ""),
            ("AZURE_FEDERATED_TOKEN_FILE", &folder.write("token", "header.claims.signature\n")),
            ("AZURE_AUTHORITY_HOST", &authority),
        ],
    );
    let logins = login(&stage, settings, &stage).await;
    assert_eq!(logins.len(), 1);
    assert_eq!(logins[0].field("client_assertion"), "header.claims.signature");
    assert_eq!(logins[0].field("client_id"), "client");
}

#[tokio::test]
async fn a_managed_identity_asks_its_machine() {
    let cases = [
        (AuthType::Environment, Some("user"), true),
        (AuthType::Environment, None, true),
        (AuthType::EnvironmentAzidentity, Some("user"), true),
        (AuthType::EnvironmentAzidentity, None, false),
        (AuthType::AzureCloudConfig, Some("user"), false),
        (AuthType::AzureCloudConfig, None, true),
    ];
    for (auth, client, imds) in cases {
        let (stage, machine, folder) = (Stage::secure().await, Stage::plain().await, Folder::new());
        let mut settings = Settings { auth, ..stage.settings(&folder) };
        let host = format!("http://127.0.0.1:{}", machine.port());
        let of_variables = if auth == AuthType::AzureCloudConfig { "ignored" } else { client.unwrap_or_default() };
        set(&mut settings, &[("AZURE_CLIENT_SECRET", ""), ("AZURE_CLIENT_ID", of_variables)]);
        if imds {
            set(&mut settings, &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &host)]);
        } else {
            set(&mut settings, &[("IDENTITY_ENDPOINT", &format!("{host}/msi/token")), ("IDENTITY_HEADER", "h")]);
        }
        let id = client.map(|id| format!(r#","userAssignedIdentityID":"{id}""#)).unwrap_or_default();
        let file = format!(r#"{{"useManagedIdentityExtension":true,"aadClientId":"msi"{id}}}"#);
        settings.cloud_config = folder.write("azure.json", &file).into();
        let logins = login(&stage, settings, &machine).await;
        assert_eq!(logins.len(), 1, "{auth:?} {client:?}: the token is kept");
        let asked = &logins[0];
        let (path, version, header) = match imds {
            true => ("/metadata/identity/oauth2/token", "api-version=2018-02-01", None),
            false => ("/msi/token", "api-version=2019-08-01", Some("h")),
        };
        assert_eq!(asked.path, path);
        assert_eq!(asked.headers.get("metadata").map(String::as_str), Some("true"));
        assert_eq!(asked.headers.get("x-identity-header").map(String::as_str), header);
        let id = client.map(|id| format!("&client_id={id}")).unwrap_or_default();
        assert_eq!(asked.query, format!("{version}&resource=https%3A%2F%2Fvault.localhost{id}"));
    }
}

#[tokio::test]
async fn without_anything_else_the_azure_cli_is_asked() {
    let (stage, machine, folder) = (Stage::secure().await, Stage::plain().await, Folder::new());
    let mut settings = Settings { auth: AuthType::EnvironmentAzidentity, ..stage.settings(&folder) };
    machine.script(|_| {
        Some(Reply::Full(
            400,
            Vec::new(),
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#.to_owned(),
        ))
    });
    let answer = r#"{"accessToken":"of-the-cli","expires_on":4102444800,"tokenType":"Bearer"}"#;
    let script = format!("#!/bin/sh\necho \"$@\" >> '{0}/calls'\necho '{answer}'\n", folder.path().display());
    let az = folder.write("az", &script);
    set_executable(&az);
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let host = format!("http://127.0.0.1:{}", machine.port());
    set(
        &mut settings,
        &[
            ("AZURE_CLIENT_SECRET", ""),
            ("AZURE_CLIENT_ID", ""),
            ("PATH", &path),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &host),
        ],
    );
    login(&stage, settings, &stage).await;
    let token = stage.all().last().and_then(|asked| asked.headers.get("authorization").cloned());
    assert_eq!(token.as_deref(), Some("Bearer of-the-cli"));
    let calls = std::fs::read_to_string(folder.path().join("calls")).expect("calls");
    assert_eq!(calls, "account get-access-token -o json --scope https://vault.localhost/.default\n");
}

fn set_executable(path: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}

#[tokio::test]
async fn if_nothing_gives_a_token_every_attempt_is_named() {
    let (stage, machine, folder) = (Stage::secure().await, Stage::plain().await, Folder::new());
    machine.script(|_| {
        Some(Reply::Full(
            400,
            Vec::new(),
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#.to_owned(),
        ))
    });
    let mut settings = Settings { auth: AuthType::EnvironmentAzidentity, ..stage.settings(&folder) };
    let host = format!("http://127.0.0.1:{}", machine.port());
    set(
        &mut settings,
        &[("AZURE_CLIENT_SECRET", ""), ("PATH", "/nowhere"), ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &host)],
    );
    let client = VaultClient::new(settings).expect("a client");
    let fault = client
        .read(&demo(), &object(ObjectKind::Secret, "db", None), &parts(&[Part::Private]))
        .await
        .expect_err("no token");
    assert_eq!(fault.reason(), akv_api::reason::IDENTITY_FAILED);
    let said = fault.to_string();
    assert!(said.contains("managed identity: the managed identity endpoint answered 400 Identity not found"), "{said}");
    assert!(said.contains("Azure CLI: ") && said.contains("az not found on PATH"), "{said}");
}
