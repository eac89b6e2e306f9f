//! An application's certificates, found by their thumbprints as Entra finds them.
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>.

use crate::jwt::Token;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// A certificate that an application has registered.
pub struct Application {
    der: CertificateDer<'static>,
    sha1: String,
    sha256: String,
}

/// What the header of an assertion says of its certificate.
#[derive(Debug, PartialEq, Eq)]
pub enum Naming {
    /// No thumbprint at all.
    Absent,
    /// Other thumbprints.
    Other,
    /// This certificate.
    This,
}

impl Application {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// A sentence.
    pub fn read(pem: &str) -> Result<Self, String> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| format!("it is no certificate as PEM: {error}"))?;
        webpki::EndEntityCert::try_from(&der).map_err(|error| format!("it is no certificate: {error}"))?;
        let encode = |algorithm| URL_SAFE_NO_PAD.encode(digest(algorithm, &der));
        let (sha1, sha256) = (encode(&SHA1_FOR_LEGACY_USE_ONLY), encode(&SHA256));
        Ok(Self { der, sha1, sha256 })
    }

    /// Whether the token's header names it: by `x5t`, `x5t#S256`, or both.
    #[must_use]
    pub fn named_by(&self, token: &Token) -> Naming {
        let said = [("x5t", &self.sha1), ("x5t#S256", &self.sha256)].map(|(name, thumbprint)| {
            // Some libraries pad.
            token.header[name].as_str().map(|text| text.trim_end_matches('=') == thumbprint)
        });
        match said {
            [None, None] => Naming::Absent,
            said if said.contains(&Some(false)) => Naming::Other,
            _ => Naming::This,
        }
    }

    /// Whether its key signed the token, by RS256 or PS256.
    #[must_use]
    pub fn signed(&self, token: &Token) -> bool {
        let algorithm = match token.header["alg"].as_str() {
            Some("RS256") => webpki::ring::RSA_PKCS1_2048_8192_SHA256,
            Some("PS256") => webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            _ => return false,
        };
        let Ok(certificate) = webpki::EndEntityCert::try_from(&self.der) else {
            return false;
        };
        certificate.verify_signature(algorithm, token.signed.as_bytes(), &token.signature).is_ok()
    }
}
