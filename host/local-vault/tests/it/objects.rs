//! Objects over HTTP: certificates and what belongs to them, and what the vault does not take.

use crate::stage::Stage;
use serde_json::{Value, json};

const TLS: &str = "  certificates: [{name: tls, key: ec-p256}]\n";
const PARTS: [&str; 3] = ["certificates", "secrets", "keys"];

async fn statuses(stage: &Stage, token: &str) -> Vec<u16> {
    let mut found = Vec::new();
    for kind in PARTS {
        found.push(stage.get(&format!("/{kind}/tls"), token).await.status);
    }
    found
}

async fn listed(stage: &Stage, token: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for kind in PARTS {
        let list = stage.get(&format!("/{kind}"), token).await.body["value"].clone();
        found.push(list[0]["attributes"]["enabled"].clone());
    }
    found
}

#[tokio::test]
async fn a_certificate_is_switched_off_and_deleted_with_its_secret_and_its_key() {
    let stage = Stage::with(TLS).await;
    let token = stage.token().await;
    assert_eq!(statuses(&stage, &token).await, [200, 200, 200]);

    stage.vault.change("shop", "certificates", "tls", "disable");
    assert_eq!(listed(&stage, &token).await, [json!(false), json!(false), json!(false)]);
    // The public half of a certificate can still be read.
    assert_eq!(statuses(&stage, &token).await, [200, 403, 403]);
    assert_eq!(stage.get("/secrets/tls", &token).await.code(), "Forbidden/SecretDisabled");
    assert_eq!(stage.get("/keys/tls", &token).await.code(), "Forbidden/KeyDisabled");
    stage.vault.change("shop", "certificates", "tls", "enable");
    assert_eq!(statuses(&stage, &token).await, [200, 200, 200]);

    stage.vault.change("shop", "certificates", "tls", "delete");
    assert_eq!(statuses(&stage, &token).await, [404, 404, 404]);
    assert_eq!(listed(&stage, &token).await, [Value::Null, Value::Null, Value::Null]);
    stage.vault.change("shop", "certificates", "tls", "recover");
    assert_eq!(statuses(&stage, &token).await, [200, 200, 200]);
}

#[tokio::test]
async fn what_belongs_to_a_certificate_cannot_be_changed_by_itself() {
    let stage = Stage::with(TLS).await;
    let token = stage.token().await;
    let url = stage.url("/secrets/tls");
    let body = json!({"value": "x"}).to_string();
    for request in [stage.http.put(&url).body(body.clone()), stage.http.patch(&url).body(body), stage.http.delete(&url)]
    {
        let reply = stage.send(request.bearer_auth(&token)).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "Forbidden/SecretManagedByKeyVault"));
    }
    let admin = format!("{}/shop/secrets/tls/delete", stage.variable("reader", "LOCAL_VAULT_ADMIN"));
    assert_eq!(stage.http.post(admin).send().await.expect("an answer").status(), 400);
    assert_eq!(statuses(&stage, &token).await, [200, 200, 200]);
}

#[tokio::test]
async fn a_certificates_secret_and_certificate_name_their_key() {
    let stage = Stage::with(&format!("{TLS}  secrets: [{{name: plain, value: x}}]\n")).await;
    let token = stage.token().await;
    let certificate = stage.get("/certificates/tls", &token).await.body;
    let (secret, key) = (stage.get("/secrets/tls", &token).await.body, stage.get("/keys/tls", &token).await.body);
    assert!(key["key"]["kid"].as_str().is_some_and(|kid| kid.contains("/keys/tls/")));
    assert_eq!((&certificate["kid"], &secret["kid"]), (&key["key"]["kid"], &key["key"]["kid"]));
    assert_eq!(certificate["sid"], secret["id"]);
    assert_eq!(stage.get("/secrets/plain", &token).await.body["kid"], Value::Null);
}

#[tokio::test]
async fn a_version_of_the_interface_has_to_be_named_and_known() {
    let stage = Stage::with("  secrets: [{name: db, value: one}]\n").await;
    let token = stage.token().await;
    let url = format!("https://shop.vault.localhost:{}/secrets/db", stage.vault.port());
    for (query, status, message) in [
        ("", 400, "api-version must be specified"),
        (
            "?api-version=7.99",
            400,
            "The specified version (7.99) is not recognized. Consider using the latest supported version (2026-04-01).",
        ),
        ("?api-version=2016-10-01", 200, ""),
        ("?api-version=7.6-preview.2", 200, ""),
        ("?api-version=2025-07-01", 200, ""),
        ("?api-version=2026-04-01", 200, ""),
    ] {
        let reply = stage.send(stage.http.get(format!("{url}{query}")).bearer_auth(&token)).await;
        assert_eq!((reply.status, reply.message()), (status, message), "{query}");
        assert_eq!(reply.code(), if status == 400 { "BadParameter" } else { "" });
    }
}

#[tokio::test]
async fn a_value_has_25_kib_at_most_and_a_name_is_one_of_key_vault() {
    let stage = Stage::with("").await;
    let token = stage.token().await;
    for (name, length, status) in
        [("full", 25 << 10, 200), ("over", (25 << 10) + 1, 400), ("un_der", 1, 400), (&"x".repeat(128), 1, 400)]
    {
        let body = json!({"value": "v".repeat(length)}).to_string();
        let put = stage.http.put(stage.url(&format!("/secrets/{name}"))).bearer_auth(&token).body(body);
        let reply = stage.send(put).await;
        assert_eq!(reply.status, status, "{name}: {}", reply.message());
        if status == 400 {
            assert_eq!(reply.code(), "BadParameter");
            assert_eq!(
                stage.get(&format!("/secrets/{name}"), &token).await.status,
                if name == "over" { 404 } else { 400 }
            );
        }
    }
}
