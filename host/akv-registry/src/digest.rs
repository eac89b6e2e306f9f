//! The digest of a document, and whether bytes have it.

use std::fmt;

use ring::digest::{Algorithm, SHA256, SHA512, digest};

/// `sha256:` or `sha512:` and lower-case hexadecimal digits of the right number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// Reads a digest; other algorithms than the two of the OCI specification are not known.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, hex) = text.split_once(':')?;
        let digits = hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (digits && hex.len() == algorithm(name)?.output_len() * 2).then(|| Self(text.to_owned()))
    }

    /// The SHA-256 of bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex(digest(&SHA256, bytes).as_ref())))
    }

    /// Whether the bytes are what the digest names.
    pub(crate) fn names(&self, bytes: &[u8]) -> bool {
        let split = self.0.split_once(':').and_then(|(name, hex)| Some((algorithm(name)?, hex)));
        split.is_some_and(|(algorithm, expected)| hex(digest(algorithm, bytes).as_ref()) == expected)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn algorithm(name: &str) -> Option<&'static Algorithm> {
    match name {
        "sha256" => Some(&SHA256),
        "sha512" => Some(&SHA512),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_names_its_bytes_and_no_others() {
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").as_str(), abc);
        let parsed = Digest::parse(abc).expect("a digest");
        assert!(parsed.names(b"abc") && !parsed.names(b"abd"));
        let long = Digest::parse(&format!("sha512:{}", "0".repeat(128))).expect("a digest");
        assert!(!long.names(b"abc"));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["sha256:", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", "", "sha256"] {
            assert!(Digest::parse(text).is_none(), "{text}");
        }
        assert!(Digest::parse(&format!("sha256:{}", "A".repeat(64))).is_none());
        assert!(Digest::parse(&format!("sha512:{}", "a".repeat(64))).is_none());
    }
}
