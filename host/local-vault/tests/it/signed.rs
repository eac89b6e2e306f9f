//! Signed tokens of the tests' own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The public test keys of this crate: making one takes seconds in an unoptimised build.
pub const KEYS: [&str; 4] = [
    include_str!("../../src/keys/rsa-1.pem"),
    include_str!("../../src/keys/rsa-2.pem"),
    include_str!("../../src/keys/rsa-3.pem"),
    include_str!("../../src/keys/token.pem"),
];
/// The key in [`KEYS`] that signs access tokens, and its `kid`.
pub const SERVICE: (usize, &str) = (3, "local-vault-1");

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs().try_into().expect("a time")
}

fn pair(key: usize) -> RsaKeyPair {
    let der = PrivatePkcs8KeyDer::from_pem_slice(KEYS[key].as_bytes()).expect("PEM");
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("a key")
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token that one of [`KEYS`] signed; the header's `alg` says how, and nothing else signs `none`.
pub fn sign(key: usize, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let encoding: &dyn RsaEncoding = match header["alg"].as_str() {
        Some("RS256") => &RSA_PKCS1_SHA256,
        Some("PS256") => &RSA_PSS_SHA256,
        _ => return format!("{signed}."),
    };
    let pair = pair(key);
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    pair.sign(encoding, &random, signed.as_bytes(), &mut signature).expect("a signature");
    format!("{signed}.{}", encode(signature))
}

/// The header and claims of a token.
pub fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    });
    (parts.next().expect("a header"), parts.next().expect("claims"))
}

/// The public half of one of [`KEYS`] as a JSON Web Key Set.
pub fn jwks(key: usize, kid: &str) -> Value {
    let public = PublicKeyComponents::<Vec<u8>>::from(pair(key).public());
    json!({"keys": [{"kty": "RSA", "kid": kid, "n": encode(public.n), "e": encode(public.e)}]})
}
