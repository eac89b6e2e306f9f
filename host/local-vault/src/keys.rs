//! Makes key pairs and shows their public half as JSON Web Key (RFC 7517, 7518).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256};
use ring::rsa::PublicKeyComponents;
use serde_json::{Value, json};

use crate::seed::KeyType;

/// Handed out in turn, since RSA keys are slow to make. Public test keys: see `keys/README.md`.
const RSA: [&str; 3] = [include_str!("keys/rsa-1.pem"), include_str!("keys/rsa-2.pem"), include_str!("keys/rsa-3.pem")];

/// A key cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The library refused.
    #[error("a key cannot be made or read: {0}; a private key must be PKCS#8 PEM, RSA or EC on P-256 or P-384")]
    Pair(#[from] rcgen::Error),
    /// The key is of a kind that has no JSON Web Key here.
    #[error("the key is neither RSA nor EC on P-256 or P-384; use one of these")]
    Kind,
}

/// Makes a key pair. `turn` chooses among the RSA test keys, so that a new version gets another key.
///
/// # Errors
/// When the system has no randomness.
pub fn make(kind: KeyType, turn: usize) -> Result<KeyPair, KeyError> {
    Ok(match kind {
        KeyType::Rsa2048 => KeyPair::from_pkcs8_pem_and_sign_algo(RSA[turn % RSA.len()], &PKCS_RSA_SHA256)?,
        KeyType::EcP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
        KeyType::EcP384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?,
    })
}

/// The public half as JSON Web Key with `kty` and its numbers in base64url; never a private part.
///
/// # Errors
/// `KeyError::Kind` for other curves and algorithms.
pub fn public_jwk(pair: &KeyPair) -> Result<Value, KeyError> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let curve = |name: &str, size: usize| {
        // An uncompressed point (SEC 1): 4, x, y.
        let point = pair.public_key_raw();
        json!({
            "kty": "EC", "crv": name, "x": encode(&point[1..=size]), "y": encode(&point[1 + size..]),
            "key_ops": ["sign", "verify"],
        })
    };
    let algorithm = pair.algorithm();
    if algorithm == &PKCS_ECDSA_P256_SHA256 {
        Ok(curve("P-256", 32))
    } else if algorithm == &PKCS_ECDSA_P384_SHA384 {
        Ok(curve("P-384", 48))
    } else {
        let key = ring::rsa::KeyPair::from_pkcs8(&pair.serialize_der()).map_err(|_| KeyError::Kind)?;
        let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
        Ok(json!({
            "kty": "RSA", "n": encode(&public.n), "e": encode(&public.e),
            "key_ops": ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"],
        }))
    }
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
        ] {
            let jwk = public_jwk(&make(kind, 0).unwrap()).unwrap();
            let found: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(found, members);
        }
    }

    #[test]
    fn a_new_version_of_an_rsa_key_is_another_key() {
        let of = |turn| public_jwk(&make(KeyType::Rsa2048, turn).unwrap()).unwrap();
        assert_ne!(of(0), of(1));
    }
}
