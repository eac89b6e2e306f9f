//! Makes key pairs and shows their public half as JSON Web Key (RFC 7517, 7518).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256};
use ring::rsa::PublicKeyComponents;
use serde_json::{Value, json};

use crate::p521;
use crate::seed::KeyType;

/// Handed out in turn, since RSA keys are slow to make. Public test keys: see `keys/README.md`.
const RSA: [&str; 3] = [include_str!("keys/rsa-1.pem"), include_str!("keys/rsa-2.pem"), include_str!("keys/rsa-3.pem")];

/// A key cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The library refused.
    #[error("a key cannot be made or read: {0}; a private key must be PKCS#8, RSA or EC on P-256, P-384 or P-521")]
    Pair(#[from] rcgen::Error),
    /// The key is of a kind that has no JSON Web Key here.
    #[error("the key is neither RSA nor EC on P-256, P-384 or P-521; use one of these")]
    Kind,
}

/// A key pair. Holds a private key, so it has no `Debug`.
pub enum Key {
    /// Of a kind that our signing library knows.
    Pair(Box<KeyPair>),
    /// On the curve that it does not.
    P521(p521::Secret),
}

impl Key {
    /// Makes one. `turn` chooses among the RSA test keys, so that a new version gets another key.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn make(kind: KeyType, turn: usize) -> Result<Self, KeyError> {
        Ok(Self::Pair(Box::new(match kind {
            KeyType::Rsa2048 => KeyPair::from_pkcs8_pem_and_sign_algo(RSA[turn % RSA.len()], &PKCS_RSA_SHA256)?,
            KeyType::EcP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            KeyType::EcP384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?,
            KeyType::EcP521 => return Ok(Self::P521(p521::Secret::make())),
        })))
    }

    /// Reads a private key in PKCS#8 (DER).
    ///
    /// # Errors
    /// When it is of another kind or form.
    pub fn read(der: &[u8]) -> Result<Self, KeyError> {
        match KeyPair::try_from(der) {
            Ok(pair) => Ok(Self::Pair(Box::new(pair))),
            Err(error) => p521::Secret::read(der).map(Self::P521).ok_or(KeyError::Pair(error)),
        }
    }

    /// The private key in PKCS#8 (DER).
    ///
    /// # Errors
    /// `KeyError::Kind`, which does not happen to a key that was made or read here.
    pub fn pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Pair(pair) => Ok(pair.serialize_der()),
            Self::P521(secret) => secret.pkcs8().ok_or(KeyError::Kind),
        }
    }

    /// The public half as JSON Web Key with `kty` and its numbers in base64url; never a private part.
    ///
    /// # Errors
    /// `KeyError::Kind` for other curves and algorithms.
    pub fn public_jwk(&self) -> Result<Value, KeyError> {
        let pair = match self {
            Self::Pair(pair) => pair,
            Self::P521(secret) => return Ok(curve("P-521", &secret.point())),
        };
        let algorithm = pair.algorithm();
        if algorithm == &PKCS_ECDSA_P256_SHA256 {
            Ok(curve("P-256", pair.public_key_raw()))
        } else if algorithm == &PKCS_ECDSA_P384_SHA384 {
            Ok(curve("P-384", pair.public_key_raw()))
        } else {
            let key = ring::rsa::KeyPair::from_pkcs8(&pair.serialize_der()).map_err(|_| KeyError::Kind)?;
            let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
            Ok(json!({
                "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
                "key_ops": ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"],
            }))
        }
    }
}

/// The key of an uncompressed point (SEC 1): 4, x, y.
fn curve(name: &str, point: &[u8]) -> Value {
    let (x, y) = point[1..].split_at(point.len() / 2);
    json!({
        "kty": "EC", "crv": name, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        "key_ops": ["sign", "verify"],
    })
}

/// The kind as the policy of a certificate names it: `kty`, `key_size`, `crv`.
#[must_use]
pub fn policy(jwk: &Value) -> Value {
    match jwk["crv"].as_str() {
        Some(curve) => json!({"kty": "EC", "crv": curve}),
        None => json!({"kty": "RSA", "key_size": 2048}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_has_no_private_part() {
        for (kind, members) in [
            (KeyType::Rsa2048, &["kty", "n", "e", "key_ops"][..]),
            (KeyType::EcP256, &["kty", "crv", "x", "y", "key_ops"]),
            (KeyType::EcP384, &["kty", "crv", "x", "y", "key_ops"]),
            (KeyType::EcP521, &["kty", "crv", "x", "y", "key_ops"]),
        ] {
            let jwk = Key::make(kind, 0).unwrap().public_jwk().unwrap();
            let found: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(found, members);
        }
    }

    #[test]
    fn a_new_version_of_an_rsa_key_is_another_key() {
        let of = |turn| Key::make(KeyType::Rsa2048, turn).unwrap().public_jwk().unwrap();
        assert_ne!(of(0), of(1));
    }
}
