//! Makes certificates, takes given ones apart, and writes the form that a certificate's secret has.
//! Forms: <https://learn.microsoft.com/azure/key-vault/certificates/about-certificates>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy, PrivateKey, PrivateKeyChain};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::keys::{Key, KeyError};
use crate::seed::{Certificate, CertificateForm};
use std::path::Path;

/// A certificate with its key. Holds a private key, so it has no `Debug`.
pub struct Made {
    /// Distinguished name of the leaf.
    pub subject: String,
    /// Leaf first, then issuers, DER.
    pub chain: Vec<Vec<u8>>,
    /// The leaf's key.
    pub key: Key,
}

/// A certificate cannot be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The key is at fault.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate could not be made.
    #[error("a certificate cannot be made: {0}; check `subject` and `sans`")]
    Make(#[from] rcgen::Error),
    /// The given PEM or PFX could not be read.
    #[error(
        "a given certificate cannot be read: {0}; `pem` is a PKCS#8 key and certificates, `pfx` is base64 of PKCS#12, its `password` empty if there is none"
    )]
    Read(String),
    /// PKCS#12 could not be written.
    #[error("PKCS#12 cannot be written: {0}; the chain must be X.509")]
    Write(#[from] p12_keystore::error::Error),
}

/// Makes or reads what the seed describes. `turn` counts versions, so that a rotation gets another key.
///
/// # Errors
/// Says which part is at fault, never the key.
pub fn make(seed: &Certificate, turn: usize) -> Result<Made, CertificateError> {
    let file = |path: &Path| {
        std::fs::read(path).map_err(|error| CertificateError::Read(format!("{}: {error}", path.display())))
    };
    let password = seed.password.as_deref().unwrap_or_default();
    if let Some(pem) = &seed.pem {
        from_pem(pem.as_bytes())
    } else if let Some(path) = &seed.pem_file {
        from_pem(&file(path)?)
    } else if let Some(pfx) = &seed.pfx {
        let joined: String = pfx.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(joined).map_err(|_| CertificateError::Read("not base64".to_owned()))?;
        from_pfx(&bytes, password)
    } else if let Some(path) = &seed.pfx_file {
        from_pfx(&file(path)?, password)
    } else {
        generate(seed, turn)
    }
}

fn generate(seed: &Certificate, turn: usize) -> Result<Made, CertificateError> {
    let key = Key::make(seed.key, turn)?;
    let subject = seed.subject.clone().unwrap_or_else(|| format!("CN={}", seed.name));
    let mut params = CertificateParams::new(seed.sans.clone())?;
    params.distinguished_name = common_name(subject.strip_prefix("CN=").unwrap_or(&subject));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let mut issuers = Vec::new();
    // From the root down: each authority is signed by the one before.
    let mut above: Option<Issuer<'static, KeyPair>> = None;
    for level in (1..=seed.chain).rev() {
        let kind = if level == seed.chain { "root" } else { "intermediate" };
        let authority = authority(&format!("{} {kind}", seed.name));
        let authority_key = KeyPair::generate()?;
        let certificate = match &above {
            Some(issuer) => authority.signed_by(&authority_key, issuer)?,
            None => authority.self_signed(&authority_key)?,
        };
        issuers.insert(0, certificate.der().to_vec());
        above = Some(Issuer::new(authority, authority_key));
    }
    let leaf = match (&key, &above) {
        (Key::Pair(key), Some(issuer)) => params.signed_by(&**key, issuer)?.der().to_vec(),
        (Key::Pair(key), None) => params.self_signed(&**key)?.der().to_vec(),
        (Key::P521(secret), issuer) => secret.certificate(&params, issuer.as_ref())?,
    };
    issuers.insert(0, leaf);
    Ok(Made { subject, chain: issuers, key })
}

/// Parameters of a certificate authority of that common name.
#[must_use]
pub fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn from_pem(pem: &[u8]) -> Result<Made, CertificateError> {
    let read = |error: rustls_pki_types::pem::Error| CertificateError::Read(error.to_string());
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(read)?;
    let chain = CertificateDer::pem_slice_iter(pem)
        .map(|der| der.map(|der| der.to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(read)?;
    given(key.secret_pkcs8_der(), chain)
}

fn from_pfx(bytes: &[u8], password: &str) -> Result<Made, CertificateError> {
    let store = KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed)
        .map_err(|error| CertificateError::Read(error.to_string()))?;
    let (_, chain) =
        store.private_key_chain().ok_or_else(|| CertificateError::Read("it has no private key".to_owned()))?;
    given(chain.key().as_der(), chain.certs().iter().map(|certificate| certificate.as_der().to_vec()).collect())
}

fn given(key: &[u8], chain: Vec<Vec<u8>>) -> Result<Made, CertificateError> {
    let leaf = chain.first().ok_or_else(|| CertificateError::Read("it has no certificate".to_owned()))?;
    let subject = p12_keystore::Certificate::from_der(leaf)
        .map_err(|error| CertificateError::Read(error.to_string()))?
        .subject()
        .to_owned();
    let key = Key::read(key)?;
    Ok(Made { subject, chain, key })
}

/// The value of the certificate's secret. Without `exportable` it holds certificates only.
///
/// # Errors
/// When PKCS#12 cannot be written.
pub fn secret_value(made: &Made, form: CertificateForm, exportable: bool) -> Result<String, CertificateError> {
    match form {
        CertificateForm::Pem => {
            let mut text = if exportable { pem("PRIVATE KEY", &made.key.pkcs8()?) } else { String::new() };
            for der in &made.chain {
                text.push_str(&pem("CERTIFICATE", der));
            }
            Ok(text)
        }
        CertificateForm::Pkcs12 => {
            let certificates =
                made.chain.iter().map(|der| p12_keystore::Certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
            let mut store = KeyStore::new();
            if exportable {
                let key = PrivateKey::from_der(&made.key.pkcs8()?)?;
                let chain = PrivateKeyChain::new([1u8].as_slice(), key, certificates);
                store.add_entry("leaf", KeyStoreEntry::PrivateKeyChain(chain));
            } else {
                for (number, certificate) in certificates.into_iter().enumerate() {
                    store.add_entry(&format!("certificate-{number}"), KeyStoreEntry::Certificate(certificate));
                }
            }
            // The password is empty, so many rounds of key derivation would only cost time.
            let bytes = store.writer("").encryption_iterations(1).mac_iterations(1).write()?;
            Ok(STANDARD.encode(bytes))
        }
    }
}

/// PEM with lines of 64 characters.
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for start in (0..text.len()).step_by(64) {
        lines.push_str(&text[start..text.len().min(start + 64)]);
        lines.push('\n');
    }
    lines.push_str(&format!("-----END {label}-----\n"));
    lines
}
