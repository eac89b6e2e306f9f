//! A mark of content that tells nothing about the content.
//!
//! The original writes an unsalted MD5 of values into a status that many may read, so weak values can be guessed
//! offline. Here the digest is keyed, and the key stays in one Secret of the installation.

use crate::SecretValue;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;

/// Says how a digest was made, so that another way can follow.
const PREFIX: &str = "v1:";

/// HMAC-SHA256 over keys and values, as `v1:` and 64 hexadecimal digits.
///
/// Each key and value is preceded by its length in bytes (64 bits, big-endian), so that no two contents share an input.
/// `key` is best 32 random bytes; any length works.
pub fn keyed(key: &[u8], data: &BTreeMap<String, SecretValue>) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for (name, value) in data {
        for part in [name.as_bytes(), value.expose()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
    }
    format!("{PREFIX}{}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &[u8], pairs: &[(&str, &str)]) -> String {
        let value = |text: &str| SecretValue::new(text.as_bytes().to_vec());
        keyed(key, &pairs.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect())
    }

    #[test]
    fn the_form_is_fixed() {
        // printf '\0\0\0\0\0\0\0\1a\0\0\0\0\0\0\0\1b' | openssl dgst -sha256 -hmac key
        assert_eq!(of(b"key", &[("a", "b")]), "v1:749b7f39129da523e75cf42649c029c28a9670a7e44a7df224fdda0b8b39d27b");
        // printf '' | openssl dgst -sha256 -hmac key
        assert_eq!(of(b"key", &[]), "v1:5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0");
    }

    #[test]
    fn another_content_or_key_has_another_digest() {
        let base = of(b"k", &[("a", "b"), ("c", "d")]);
        assert_eq!(base, of(b"k", &[("c", "d"), ("a", "b")]));
        for other in [
            of(b"l", &[("a", "b"), ("c", "d")]),
            of(b"k", &[("a", "bc"), ("d", "")]),
            of(b"k", &[("ab", ""), ("c", "d")]),
            of(b"k", &[("a", "b")]),
            of(b"k", &[("a", "b"), ("c", "e")]),
        ] {
            assert_ne!(base, other);
        }
    }
}
