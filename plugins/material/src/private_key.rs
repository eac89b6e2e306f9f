//! Private keys, written as the original writes them: RSA as PKCS#1, elliptic curves as SEC1, whatever they were.

use crate::{Fault, pem};
use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Tag, Tagged};
use pkcs8::PrivateKeyInfoRef;
use sec1::{EcParameters, EcPrivateKey};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const BAD: Fault = Fault::new("bad-key", "the private key cannot be read");
const ENCRYPTED: Fault = Fault::new("encrypted-key", "the private key is encrypted; store it without a password");

/// A private key.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    label: &'static str,
    der: Vec<u8>,
}

impl PrivateKey {
    /// From a PEM block that holds one; `None` for any other block, such as parameters or a public key.
    pub fn from_block(block: &pem::Block) -> Option<Result<Self, Fault>> {
        match block.label.as_str() {
            "ENCRYPTED PRIVATE KEY" => Some(Err(ENCRYPTED)),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" if block.encrypted => Some(Err(ENCRYPTED)),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Some(Self::from_der(&block.der)),
            _ => None,
        }
    }

    /// From any of the three forms: labels of PEM are often wrong, and Go does not ask them either.
    fn from_der(der: &[u8]) -> Result<Self, Fault> {
        if PrivateKeyInfoRef::from_der(der).is_ok() {
            Self::from_pkcs8(der)
        } else if is_pkcs1(der) {
            Ok(Self { label: "RSA PRIVATE KEY", der: der.to_vec() })
        } else if EcPrivateKey::from_der(der).is_ok_and(|key| key.parameters.is_some()) {
            Ok(Self { label: "EC PRIVATE KEY", der: der.to_vec() })
        } else {
            Err(BAD)
        }
    }

    /// From PKCS#8 (RFC 5208).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Fault> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| BAD)?;
        let inner = info.private_key.as_bytes();
        if info.algorithm.oid == RSA {
            if !is_pkcs1(inner) {
                return Err(BAD);
            }
            return Ok(Self { label: "RSA PRIVATE KEY", der: inner.to_vec() });
        }
        if info.algorithm.oid == EC {
            let mut key = EcPrivateKey::from_der(inner).map_err(|_| BAD)?;
            // In PKCS#8 the curve stands outside; alone the key must name it.
            let curve = info.algorithm.parameters_oid().map_err(|_| BAD)?;
            key.parameters = Some(EcParameters::NamedCurve(curve));
            return Ok(Self { label: "EC PRIVATE KEY", der: key.to_der().map_err(|_| BAD)? });
        }
        // Ed25519 and whatever comes has no older form.
        Ok(Self { label: "PRIVATE KEY", der: der.to_vec() })
    }

    /// PEM.
    pub fn to_pem(&self) -> String {
        pem::encode(self.label, &self.der)
    }

    /// Whether a certificate with this public key belongs to it; `None` if the key does not tell its public half.
    /// `public` is the content of the certificate's SubjectPublicKeyInfo bit string.
    pub fn matches(&self, public: &[u8]) -> Option<bool> {
        match self.label {
            "RSA PRIVATE KEY" => {
                let (ours, theirs) = (modulus(&self.der, 1)?, modulus(public, 0));
                Some(theirs.is_some_and(|n| n == ours))
            }
            "EC PRIVATE KEY" => Some(EcPrivateKey::from_der(&self.der).ok()?.public_key? == public),
            _ => None,
        }
    }
}

/// Whether this is an RSAPrivateKey: a version, then eight integers (RFC 8017 A.1.2).
fn is_pkcs1(der: &[u8]) -> bool {
    let Ok(sequence) = AnyRef::from_der(der) else {
        return false;
    };
    let (mut rest, mut integers) = (sequence.value(), 0);
    while let Some((head, tail)) = split(rest) {
        integers += usize::from(UintRef::from_der(head).is_ok());
        rest = tail;
    }
    rest.is_empty() && sequence.tag() == Tag::Sequence && integers == 9
}

/// The integer at `index` of a sequence: RSAPrivateKey has the modulus second, RSAPublicKey first (RFC 8017 A.1).
fn modulus(der: &[u8], index: usize) -> Option<Vec<u8>> {
    let sequence = AnyRef::from_der(der).ok()?;
    let mut rest = sequence.value();
    for at in 0.. {
        let (head, tail) = split(rest)?;
        if at == index {
            return UintRef::from_der(head).ok().map(|n| n.as_bytes().to_vec());
        }
        rest = tail;
    }
    None
}

/// The first element and what follows it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = AnyRef::from_der_partial(bytes).ok()?;
    Some((&bytes[..bytes.len() - rest.len()], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused_whatever_its_label() {
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
            for junk in [&b"junk"[..], &[], &[0x30, 0], &[0x30, 3, 2, 1, 0]] {
                let block = pem::Block { label: label.to_owned(), der: junk.to_vec(), encrypted: false };
                assert_eq!(PrivateKey::from_block(&block).map(|k| k.map(drop)), Some(Err(BAD)), "{label}");
            }
            let block = pem::Block { label: label.to_owned(), der: vec![1], encrypted: true };
            assert_eq!(PrivateKey::from_block(&block).map(|k| k.map(drop)), Some(Err(ENCRYPTED)), "{label}");
        }
    }
}
