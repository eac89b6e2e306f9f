//! Private keys, written as the original writes them: RSA as PKCS#1, elliptic curves as SEC1, whatever they were.

use crate::{Fault, pem};
use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode};
use pkcs8::PrivateKeyInfoRef;
use sec1::{EcParameters, EcPrivateKey};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const BAD: Fault = Fault::new("bad-key", "the private key cannot be read");

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
            "PRIVATE KEY" => Some(Self::from_pkcs8(&block.der)),
            "RSA PRIVATE KEY" => Some(Ok(Self { label: "RSA PRIVATE KEY", der: block.der.clone() })),
            "EC PRIVATE KEY" => Some(Ok(Self { label: "EC PRIVATE KEY", der: block.der.clone() })),
            "ENCRYPTED PRIVATE KEY" => {
                Some(Err(Fault::new("encrypted-key", "the private key is encrypted; store it without a password")))
            }
            _ => None,
        }
    }

    /// From PKCS#8 (RFC 5208).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Fault> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| BAD)?;
        let inner = info.private_key.as_bytes();
        if info.algorithm.oid == RSA {
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
