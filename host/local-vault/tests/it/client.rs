//! The product's own client logs in to the token service in every way it can, and reads with the token.

use crate::folder::Folder;
use crate::signed::{KEYS, jwks, now, sign};
use crate::stage::Stage;
use crate::tls::KeyServer;
use akv_core::{Alias, Description, ObjectKind, ObjectName, ObjectRef, Part, VaultName};
use akv_vault::{AuthType, Settings, VaultClient};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const CLIENT: &str = "aaaaaaaa-0000-0000-0000-000000000001";
const VAULT: &str = "vaults:\n- name: shop\n  secrets: [{name: db, value: one}]\n";

/// A seed with one identity, `app`; `login` says how it logs in.
fn seed(login: &str) -> String {
    format!(
        "identities:\n- name: app\n  clientId: {CLIENT}\n  {login}\n  roles: [{{vault: shop, allow: [secrets/get]}}]\n{VAULT}"
    )
}

/// Reads the secret as a program would whose variables are those of `app` and these.
async fn read(stage: &Stage, auth: AuthType, further: &[(&str, &str)], cloud_config: Option<&str>) {
    let mut environment: BTreeMap<String, String> = stage.vault.environment("app").into_iter().collect();
    environment.extend(further.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    let mut settings = Settings::new("test", auth, environment);
    if let Some(file) = cloud_config {
        settings.cloud_config = file.into();
    }
    let client = VaultClient::new(settings).unwrap_or_else(|e| panic!("{e}"));
    let wanted = Description {
        alias: Alias::parse("db").expect("an alias"),
        object: ObjectRef { kind: ObjectKind::Secret, name: ObjectName::parse("db").expect("a name"), version: None },
        attributes: Vec::new(),
    };
    let parts = BTreeSet::from([Part::Private]);
    let vault = VaultName::parse("shop").expect("a name");
    let read = client.read(&vault, &wanted, &parts).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(read.private.expect("a value").expose(), b"one");
}

#[tokio::test]
async fn by_client_secret() {
    let stage = Stage::start(&seed("secret: s")).await;
    for auth in [AuthType::Environment, AuthType::EnvironmentAzidentity] {
        read(&stage, auth, &[], None).await;
    }
    assert_eq!(stage.vault.counters().get("token app"), Some(&2));
}

#[tokio::test]
async fn by_certificate() {
    let pair = rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(KEYS[0], &rcgen::PKCS_RSA_SHA256).expect("a key");
    let made = rcgen::CertificateParams::new(Vec::new()).and_then(|p| p.self_signed(&pair)).expect("a certificate");
    let (pem, folder) = (made.pem(), Folder::new());
    let stage = Stage::start(&seed(&format!("certificates: [{}]", json!(pem)))).await;
    let file = folder.write("application.pem", format!("{}{pem}", KEYS[0]));
    read(&stage, AuthType::Environment, &[("AZURE_CERTIFICATE_PATH", &file)], None).await;
    let azidentity =
        [("AZURE_CLIENT_CERTIFICATE_PATH", file.as_str()), ("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "true")];
    read(&stage, AuthType::EnvironmentAzidentity, &azidentity, None).await;
    let config = json!({
        "cloud": "AzureStackCloud", "tenantId": local_vault::seed::DEFAULT_TENANT,
        "aadClientId": CLIENT, "aadClientCertPath": file,
    });
    let config = folder.write("azure.json", config.to_string());
    read(&stage, AuthType::AzureCloudConfig, &[], Some(&config)).await;
    assert_eq!(stage.vault.counters().get("token app"), Some(&3));
}

#[tokio::test]
async fn by_workload_identity_with_keys_inline_and_over_tls() {
    let (server, folder) = (KeyServer::start(jwks(0, "cluster-1").to_string()).await, Folder::new());
    let ca = folder.write("ca.pem", &server.ca);
    let (issuer, subject) = ("https://cluster.example/", "system:serviceaccount:team-a:app");
    let claims = json!({
        "iss": issuer, "sub": subject, "aud": ["api://AzureADTokenExchange"], "nbf": now(), "exp": now() + 600,
    });
    let token = folder.write("token", sign(0, &json!({"alg": "RS256", "kid": "cluster-1"}), &claims) + "\n");
    for keys in [format!("jwks: {}", jwks(0, "cluster-1")), format!("jwksUrl: '{}', caFile: '{ca}'", server.url)] {
        let login = format!("federated: [{{issuer: '{issuer}', subject: '{subject}', {keys}}}]");
        let stage = Stage::start(&seed(&login)).await;
        read(&stage, AuthType::EnvironmentAzidentity, &[("AZURE_FEDERATED_TOKEN_FILE", &token)], None).await;
        assert_eq!(stage.vault.counters().get("token app"), Some(&1));
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn by_managed_identity_of_app_service_and_of_the_machine() {
    for (managed, client) in [("user", CLIENT), ("system", "")] {
        let stage = Stage::start(&seed(&format!("managed: {managed}"))).await;
        let machine = format!("http://{}", stage.vault.admin());
        let id = ("AZURE_CLIENT_ID", client);
        // The variables of the vault name App Service's endpoint.
        read(&stage, AuthType::EnvironmentAzidentity, &[id], None).await;
        let imds =
            [id, ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &machine), ("IDENTITY_ENDPOINT", ""), ("IDENTITY_HEADER", "")];
        read(&stage, AuthType::Environment, &imds, None).await;
        assert_eq!(stage.vault.counters().get("identity app"), Some(&2), "{managed}");
    }
}
