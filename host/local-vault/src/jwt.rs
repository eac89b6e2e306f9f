//! JSON Web Tokens (RFC 7519), as much as a token service needs: signing with RS256, checking RS256, PS256 and ES256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A token taken apart; nothing is checked yet.
pub struct Token {
    /// The header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    /// What is signed.
    pub signed: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

impl Token {
    /// Takes a compact token apart.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (signed, signature) = text.trim().rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some(Self {
            header: json(header)?,
            claims: json(claims)?,
            signed: signed.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// A claim that is text.
    #[must_use]
    pub fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap_or_default()
    }

    /// A claim that is a time, in whole seconds since 1970; it may be written with a fraction (RFC 7519, 2: NumericDate).
    #[must_use]
    pub fn time(&self, name: &str) -> Option<i64> {
        self.claims[name].as_f64().map(|seconds| seconds as i64)
    }

    /// Whether `now` lies within `nbf` and `exp`, five minutes of skew allowed.
    #[must_use]
    pub fn is_current(&self, now: i64) -> bool {
        let skew = 300;
        self.time("exp").is_some_and(|exp| now < exp + skew) && self.time("nbf").is_none_or(|nbf| nbf <= now + skew)
    }

    /// Whether the key of this JSON Web Key Set that the header names by `kid` signed it.
    #[must_use]
    pub fn signed_by(&self, jwks: &Value) -> bool {
        let Some(kid) = self.header["kid"].as_str() else {
            return false;
        };
        let keys = jwks["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        keys.iter().filter(|key| key["kid"] == kid).any(|key| self.verify(key).unwrap_or(false))
    }

    fn verify(&self, key: &Value) -> Option<bool> {
        let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str()?).ok();
        Some(match (self.header["alg"].as_str()?, key["kty"].as_str()?) {
            ("RS256", "RSA") => {
                let public = RsaPublicKeyComponents { n: number("n")?, e: number("e")? };
                public.verify(&signature::RSA_PKCS1_2048_8192_SHA256, self.signed.as_bytes(), &self.signature).is_ok()
            }
            ("ES256", "EC") => {
                let point = [vec![4], number("x")?, number("y")?].concat();
                let public = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point);
                public.verify(self.signed.as_bytes(), &self.signature).is_ok()
            }
            _ => false,
        })
    }
}

/// The public half of a signing key as a JSON Web Key Set.
#[must_use]
pub fn jwks(key: &KeyPair, kid: &str) -> Value {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
    let (n, e) = (encode(&public.n), encode(&public.e));
    json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e}]})
}

/// Signs `claims` with RS256.
#[must_use]
pub fn sign(key: &KeyPair, kid: &str, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({"alg": "RS256", "typ": "JWT", "kid": kid})), encode(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    // Fails only without randomness, and then an empty signature is refused by everybody.
    if key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).is_err() {
        signature.clear();
    }
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
