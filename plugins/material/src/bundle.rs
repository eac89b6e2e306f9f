//! The backing secret of a certificate: a private key and certificates, in PKCS#12 or PEM.

use crate::{Fault, PrivateKey, chain, pem};
use base64::alphabet::STANDARD;
use base64::engine::{Engine, GeneralPurpose, GeneralPurposeConfig};
use der::Decode;
use p12_keystore::Pkcs12Archive;

/// As Go: bits left over at the end are ignored.
const GO: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A key, if there is one, and certificates in the order of the file, duplicates kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The private key; of several the last, as the original has it.
    pub key: Option<PrivateKey>,
    /// DER.
    pub certificates: Vec<Vec<u8>>,
}

impl Bundle {
    /// A certificate's backing secret by its content type.
    pub fn of_certificate(content_type: Option<&str>, secret: &[u8]) -> Result<Self, Fault> {
        match content_type {
            Some("application/x-pem-file") => Self::from_pem(secret),
            Some("application/x-pkcs12") => Self::from_pfx(&decode(secret)?),
            _ => Err(Fault::new(
                "unknown-content-type",
                "the backing secret is neither application/x-pkcs12 nor application/x-pem-file",
            )),
        }
    }

    /// A secret that somebody put there: PEM if it looks like it, else PKCS#12 in base64.
    pub fn of_secret(secret: &[u8]) -> Result<Self, Fault> {
        if secret.trim_ascii_start().starts_with(b"-----BEGIN ") {
            Self::from_pem(secret)
        } else {
            Self::from_pfx(&decode(secret)?)
        }
    }

    /// Blocks of PEM. What is neither certificate nor private key is skipped.
    pub fn from_pem(secret: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(secret).map_err(|_| Fault::new("bad-pem", "the PEM is not text"))?;
        let mut bundle = Self::default();
        for block in pem::parse(text)? {
            if block.label == "CERTIFICATE" {
                x509_cert::Certificate::from_der(&block.der)
                    .map_err(|_| Fault::new("bad-certificate", "a block CERTIFICATE holds no X.509 certificate"))?;
                bundle.certificates.push(block.der);
            } else if let Some(key) = PrivateKey::from_block(&block) {
                bundle.key = Some(key?);
            }
        }
        Ok(bundle)
    }

    /// PKCS#12 (RFC 7292) without a password, in any encryption.
    pub fn from_pfx(bytes: &[u8]) -> Result<Self, Fault> {
        let archive = Pkcs12Archive::from_pkcs12(bytes, "")
            .map_err(|_| Fault::new("bad-pkcs12", "the PKCS#12 file cannot be read; it must have no password"))?;
        let key = archive.keys.last().map(|k| PrivateKey::from_pkcs8(k.key.as_der())).transpose()?;
        let certificates = archive.certs.iter().map(|c| c.cert.as_der().to_vec()).collect();
        Ok(Self { key, certificates })
    }

    /// The certificate of the key first, then its issuers.
    pub fn server_first(self) -> Self {
        let certificates = chain::server_first(self.key.as_ref(), self.certificates);
        Self { certificates, ..self }
    }

    /// The key as PEM.
    pub fn key_pem(&self) -> Result<String, Fault> {
        let missing = Fault::new("no-private-key", "there is no private key; the certificate must be exportable");
        self.key.as_ref().map(PrivateKey::to_pem).ok_or(missing)
    }

    /// Every certificate as PEM.
    pub fn certificates_pem(&self) -> Result<String, Fault> {
        if self.certificates.is_empty() {
            return Err(Fault::new("no-certificate", "there is no certificate"));
        }
        Ok(self.certificates.iter().map(|der| pem::encode("CERTIFICATE", der)).collect())
    }
}

/// Standard base64; line breaks are skipped.
pub fn decode(secret: &[u8]) -> Result<Vec<u8>, Fault> {
    let joined: Vec<u8> = secret.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    GO.decode(joined).map_err(|_| Fault::new("bad-base64", "the PKCS#12 file is not base64"))
}
