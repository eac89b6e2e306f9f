//! Access tokens: what the vault lets in, and in which words it refuses the rest.

use crate::signed::{SERVICE, now, parts, sign};
use crate::stage::Stage;
use serde_json::{Value, json};

const DB: &str = "  secrets: [{name: db, value: one}]\n";

#[tokio::test]
async fn a_revocation_ends_the_tokens_before_it_and_none_after_it() {
    let stage = Stage::with(DB).await;
    // Several within one second, whose tokens have the same `iat`.
    for round in 0..3 {
        let before = stage.token().await;
        assert_eq!(stage.get("/secrets/db", &before).await.status, 200, "{round}: before");
        stage.vault.revoke_tokens();
        let refused = stage.get("/secrets/db", &before).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "Unauthorized"), "{round}: revoked");
        assert!(refused.header("www-authenticate").starts_with("Bearer "), "{round}: it challenges again");
        let after = stage.token().await;
        assert_eq!(stage.get("/secrets/db", &after).await.status, 200, "{round}: after");
    }
}

#[tokio::test]
async fn every_token_that_is_not_good_is_refused_in_key_vaults_words() {
    let stage = Stage::with(DB).await;
    let (header, claims) = parts(&stage.token().await);
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        sign(SERVICE.0, &header, &claims)
    };
    let port = stage.vault.port();
    let headed = |header: Value| sign(SERVICE.0, &header, &claims);
    let key = "AKV10046: Unable to resolve the key used for signature validation. EncodedJwtHeader: '";
    let audience = format!("AKV10022: Invalid audience. Expected https://vault.localhost:{port}, found: https://x.");
    let cases: [(&str, String, &str); 11] = [
        ("no token", "nonsense".to_owned(), "Error validating token: 'S2S12086'."),
        ("another key", sign(0, &header, &claims), key),
        ("no signature", headed(json!({"alg": "none", "kid": SERVICE.1})), key),
        ("no kid", headed(json!({"alg": "RS256"})), key),
        ("an unknown kid", headed(json!({"alg": "RS256", "kid": "other"})), key),
        ("audience", with("aud", json!("https://x")), &audience),
        ("issuer", with("iss", json!("https://x/")), "AKV10032: Invalid issuer. Expected one of https://login."),
        ("tenant", with("tid", json!("x")), "AKV10032: "),
        ("expired", with("exp", json!(now() - 1)), "[TokenExpired] Error validating token: 'S2S12086'."),
        ("not yet", with("nbf", json!(now() + 3600)), "Error validating token: 'S2S12086'."),
        ("nobody", with("appid", json!("x")), "Error validating token: 'S2S12086'."),
    ];
    for (name, token, expected) in cases {
        let reply = stage.get("/secrets/db", &token).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "Unauthorized"), "{name}");
        assert!(reply.message().starts_with(expected), "{name}: {}", reply.message());
    }
    // The same claims, signed again, are good: what was refused was refused for what it says.
    assert_eq!(stage.get("/secrets/db", &headed(header.clone())).await.status, 200);
    let bare = stage.send(stage.http.get(stage.url("/secrets/db"))).await;
    assert_eq!(bare.message(), "AKV10000: Request is missing a Bearer or PoP token.");
}

#[tokio::test]
async fn who_may_not_is_told_as_the_vault_decides() {
    let seed = "  authorization: accessPolicy\n- name: other\n";
    let stage = Stage::with(seed).await;
    let token = stage.token_of("stranger").await;
    let claims = parts(&token).1;
    let who = format!(
        "appid={};oid={};iss={}",
        claims["appid"].as_str().expect("an id"),
        claims["oid"].as_str().expect("an id"),
        claims["iss"].as_str().expect("an issuer")
    );
    let policy = stage.get("/secrets/db", &token).await;
    assert_eq!((policy.status, policy.code().as_str()), (403, "Forbidden/ForbiddenByPolicy"));
    assert_eq!(
        policy.message(),
        format!(
            "The user, group or application '{who}' does not have secrets get permission on key vault 'shop;location=local'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
        )
    );
    for (path, action, below) in [
        ("secrets/db", "secrets/getSecret/action", "/secrets/db"),
        ("secrets", "secrets/readMetadata/action", ""),
        ("certificates/tls", "certificates/read", "/certificates/tls"),
        ("keys/signing", "keys/read", "/keys/signing"),
    ] {
        let url = stage.url(&format!("/{path}")).replace("shop.vault", "other.vault");
        let roles = stage.send(stage.http.get(url).bearer_auth(&token)).await;
        assert_eq!((roles.status, roles.code().as_str()), (403, "Forbidden/ForbiddenByRbac"));
        let lines: Vec<&str> = roles.message().split("\r\n").collect();
        assert_eq!(lines[0], "Caller is not authorized to perform action on resource.");
        assert_eq!(lines[2], format!("Caller: {who}"));
        assert_eq!(lines[3], format!("Action: 'Microsoft.KeyVault/vaults/{action}'"));
        assert!(lines[4].ends_with(&format!("/providers/microsoft.keyvault/vaults/other{below}'")), "{}", lines[4]);
        assert_eq!(lines[5], "Assignment: (not found)");
        assert_eq!(lines[8..], ["Vault: other;location=local", ""]);
    }
}
