//! An application that shows its certificate: a statement signed with its key.

use crate::signed::{KEYS, now, parts, sign};
use crate::stage::{Stage, token, verdict};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde_json::{Value, json};

const CLIENT: &str = "aaaaaaaa-0000-0000-0000-000000000001";

/// A certificate of one of the test keys: PEM, SHA-1 and SHA-256 thumbprints.
fn certificate(key: usize) -> (String, String, String) {
    let pair = rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(KEYS[key], &rcgen::PKCS_RSA_SHA256).expect("a key");
    let made = rcgen::CertificateParams::new(Vec::new()).and_then(|p| p.self_signed(&pair)).expect("a certificate");
    let thumbprint = |algorithm| URL_SAFE_NO_PAD.encode(digest(algorithm, made.der()));
    (made.pem(), thumbprint(&SHA1_FOR_LEGACY_USE_ONLY), thumbprint(&SHA256))
}

/// A vault with an application that has registered these certificates.
async fn stage(certificates: &[&str]) -> Stage {
    let list = serde_json::to_string(certificates).expect("JSON");
    Stage::start(&format!(
        "identities:\n- name: app\n  clientId: {CLIENT}\n  certificates: {list}\n  roles: [{{vault: shop, allow: [secrets/get]}}]\nvaults:\n- name: shop\n  secrets: [{{name: db, value: one}}]\n"
    ))
    .await
}

fn claims(stage: &Stage) -> Value {
    let directory = format!("https://login.localhost:{}/{}", stage.vault.port(), local_vault::seed::DEFAULT_TENANT);
    json!({
        "iss": CLIENT, "sub": CLIENT, "aud": format!("{directory}/oauth2/v2.0/token"), "jti": "once",
        "iat": now(), "nbf": now(), "exp": now() + 300,
    })
}

#[tokio::test]
async fn a_registered_certificate_is_found_by_its_thumbprint_and_signs_by_rs256_or_ps256() {
    let (mine, other) = (certificate(0), certificate(1));
    let stage = stage(&[&other.0, &mine.0]).await;
    let claims = claims(&stage);
    for (header, expected) in [
        (json!({"alg": "RS256", "x5t": mine.1}), "200 token"),
        (json!({"alg": "PS256", "x5t#S256": mine.2}), "200 token"),
        (json!({"alg": "RS256", "x5t": mine.1, "x5t#S256": mine.2}), "200 token"),
        (json!({"alg": "RS256", "x5t": format!("{}=", mine.1)}), "200 token"),
        // The key signs, but the header names another certificate, or none.
        (json!({"alg": "RS256", "x5t": other.1}), "401 700027"),
        (json!({"alg": "RS256", "x5t": mine.1, "x5t#S256": other.2}), "401 700027"),
        (json!({"alg": "RS256", "x5t": "AAAA"}), "401 700027"),
        (json!({"alg": "RS256"}), "401 50027"),
        (json!({"alg": "none", "x5t": mine.1}), "401 700027"),
    ] {
        let reply = stage.assert(CLIENT, &sign(0, &header, &claims)).await;
        assert_eq!(verdict(&reply), expected, "{header}: {reply:?}");
    }
    // The signature is of the other scheme than the header says.
    let (rs, ps) = (json!({"alg": "RS256", "x5t": mine.1}), json!({"alg": "PS256", "x5t": mine.1}));
    let (signed_rs, signed_ps) = (sign(0, &rs, &claims), sign(0, &ps, &claims));
    let head = signed_rs.rsplit_once('.').expect("three parts").0;
    let tail = signed_ps.rsplit_once('.').expect("three parts").1;
    assert_eq!(verdict(&stage.assert(CLIENT, &format!("{head}.{tail}")).await), "401 700027");
}

#[tokio::test]
async fn a_statement_is_for_this_service_of_this_application_and_in_time() {
    let mine = certificate(0);
    let stage = stage(&[&mine.0]).await;
    let header = json!({"alg": "RS256", "x5t": mine.1});
    let port = stage.vault.port();
    let elsewhere = format!("https://login.localhost:{port}/99999999-9999-9999-9999-999999999999/oauth2/v2.0/token");
    let tenant = format!("https://login.localhost:{port}/{}/v2.0", local_vault::seed::DEFAULT_TENANT);
    for (name, value, expected) in [
        ("aud", json!(tenant), "200 token"),
        ("aud", json!(elsewhere), "401 700023"),
        ("aud", json!("https://login.microsoftonline.com/common"), "401 700023"),
        ("sub", json!("bbbbbbbb-0000-0000-0000-000000000001"), "401 700021"),
        ("iss", json!("bbbbbbbb-0000-0000-0000-000000000001"), "401 700211"),
        // Microsoft's library for Python writes fractions.
        ("exp", json!(now() as f64 + 299.5), "200 token"),
        ("exp", json!(now() - 3600), "401 700024"),
        ("nbf", json!(now() + 3600), "401 700024"),
    ] {
        let mut claims = claims(&stage);
        claims[name] = value;
        let reply = stage.assert(CLIENT, &sign(0, &header, &claims)).await;
        assert_eq!(verdict(&reply), expected, "{claims}: {reply:?}");
    }
    let forged = sign(1, &header, &claims(&stage));
    assert_eq!(verdict(&stage.assert(CLIENT, &forged).await), "401 700027");
    assert_eq!(verdict(&stage.assert("bbbbbbbb-0000-0000-0000-000000000001", &forged).await), "401 700016");
}

#[tokio::test]
async fn a_statement_may_be_used_again_until_it_expires_and_its_token_opens_the_vault() {
    let mine = certificate(0);
    let stage = stage(&[&mine.0]).await;
    let statement = sign(0, &json!({"alg": "PS256", "x5t#S256": mine.2}), &claims(&stage));
    for _ in 0..2 {
        let access = token(&stage.assert(CLIENT, &statement).await);
        assert_eq!(parts(&access).1["appid"], CLIENT);
        assert_eq!(stage.get("/secrets/db", &access).await.body["value"], "one");
    }
}
