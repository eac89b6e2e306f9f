//! Workload identity: tokens of another issuer, whose keys are read inline, from a file, or over TLS.

use crate::folder::Folder;
use crate::signed::{jwks, now, sign};
use crate::stage::{Stage, token, verdict};
use crate::tls::KeyServer;
use serde_json::{Value, json};

const ISSUER: &str = "https://cluster.example/";
const SUBJECT: &str = "system:serviceaccount:team-a:app";
const CLIENT: &str = "aaaaaaaa-0000-0000-0000-000000000001";

/// An identity that takes tokens of the cluster; `keys` is the source of the issuer's keys.
fn seed(keys: &str) -> String {
    format!(
        "identities:\n- name: app\n  clientId: {CLIENT}\n  federated: [{{issuer: '{ISSUER}', subject: '{SUBJECT}', {keys}}}]\n  roles: [{{vault: shop, allow: [secrets/get]}}]\nvaults:\n- name: shop\n  secrets: [{{name: db, value: one}}]\n"
    )
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": "cluster-1"})
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": ["api://AzureADTokenExchange"],
        "iat": now(), "nbf": now(), "exp": now() + 600,
    })
}

#[tokio::test]
async fn a_token_is_exchanged_if_issuer_subject_audience_time_and_signature_are_right() {
    let stage = Stage::start(&seed(&format!("jwks: {}", jwks(0, "cluster-1")))).await;
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        sign(0, &header(), &claims)
    };
    for (name, assertion, expected) in [
        ("good", sign(0, &header(), &claims()), "200 token"),
        ("one audience", with("aud", json!("api://AzureADTokenExchange")), "200 token"),
        ("issuer", with("iss", json!("https://cluster.example")), "401 700211"),
        ("subject", with("sub", json!("system:serviceaccount:team-b:app")), "401 700213"),
        ("audience", with("aud", json!(["https://kubernetes.default.svc"])), "401 700212"),
        ("expired", with("exp", json!(now() - 3600)), "401 700024"),
        ("not yet", with("nbf", json!(now() + 3600)), "401 700024"),
        ("another key", sign(1, &header(), &claims()), "401 700027"),
        ("another kid", sign(0, &json!({"alg": "RS256", "kid": "cluster-2"}), &claims()), "401 700027"),
        ("no kid", sign(0, &json!({"alg": "RS256"}), &claims()), "401 700027"),
        ("no signature", sign(0, &json!({"alg": "none", "kid": "cluster-1"}), &claims()), "401 700027"),
        ("no token", "nonsense".to_owned(), "401 50027"),
    ] {
        assert_eq!(verdict(&stage.assert(CLIENT, &assertion).await), expected, "{name}");
    }
    let access = token(&stage.assert(CLIENT, &sign(0, &header(), &claims())).await);
    assert_eq!(stage.get("/secrets/db", &access).await.body["value"], "one");
}

#[tokio::test]
async fn keys_are_read_over_tls_for_every_exchange_so_that_a_new_key_counts_at_once() {
    let (server, folder) = (KeyServer::start(jwks(0, "cluster-1").to_string()).await, Folder::new());
    let (ca, bearer) = (folder.write("ca.pem", &server.ca), folder.write("token", "of-the-reader\n"));
    let keys = format!("jwksUrl: '{}', caFile: '{ca}', tokenFile: '{bearer}'", server.url);
    let stage = Stage::start(&seed(&keys)).await;
    let old = sign(0, &header(), &claims());
    let new = sign(1, &json!({"alg": "RS256", "kid": "cluster-2"}), &claims());
    assert_eq!(verdict(&stage.assert(CLIENT, &old).await), "200 token");
    assert_eq!(verdict(&stage.assert(CLIENT, &new).await), "401 700027");
    server.set(jwks(1, "cluster-2").to_string());
    assert_eq!(verdict(&stage.assert(CLIENT, &old).await), "401 700027");
    assert_eq!(verdict(&stage.assert(CLIENT, &new).await), "200 token");
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|a| a.starts_with("GET /openid/v1/jwks HTTP/1.1\r\n")), "{asked:?}");
    assert!(asked.iter().all(|a| a.contains("authorization: Bearer of-the-reader\r\n")), "{asked:?}");
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_no_keys() {
    let server = KeyServer::start(jwks(0, "cluster-1").to_string()).await;
    let (other, folder) = (KeyServer::start(String::new()).await, Folder::new());
    let (ca, wrong) = (folder.write("ca.pem", &server.ca), folder.write("wrong.pem", &other.ca));
    let assertion = sign(0, &header(), &claims());
    for (keys, expected, said) in [
        (format!("jwksUrl: '{}', caFile: '{ca}'", server.url), "200 token", ""),
        (format!("jwksUrl: '{}', caFile: '{wrong}'", server.url), "400 50166", "certificate"),
        // An authority of its own is not among the system's.
        (format!("jwksUrl: '{}'", server.url), "400 50166", "certificate"),
        (format!("jwksUrl: '{}', caFile: '/nowhere/ca.pem'", server.url), "400 50166", "/nowhere/ca.pem"),
        ("jwksFile: /nowhere/jwks.json".to_owned(), "400 50166", "/nowhere/jwks.json"),
        (format!("jwksFile: '{}'", folder.write("jwks.json", jwks(0, "cluster-1").to_string())), "200 token", ""),
    ] {
        let stage = Stage::start(&seed(&keys)).await;
        let reply = stage.assert(CLIENT, &assertion).await;
        assert_eq!(verdict(&reply), expected, "{keys}: {reply:?}");
        let text = reply.body["error_description"].as_str().unwrap_or_default();
        assert!(text.contains(said), "{keys}: {text}");
    }
    server.set("<html>".to_owned());
    let stage = Stage::start(&seed(&format!("jwksUrl: '{}', caFile: '{ca}'", server.url))).await;
    assert_eq!(verdict(&stage.assert(CLIENT, &assertion).await), "400 50166");
}
