//! The certificates that the ports show, exchanged without a connection noticing.

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The certificate of a port as it is now.
#[derive(Debug)]
pub struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    /// Begins with one.
    pub fn new(certified: CertifiedKey) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(certified))))
    }

    /// Goes on with another.
    pub fn replace(&self, certified: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// A port without client certificates.
pub fn plain(shown: Arc<Shown>) -> Arc<ServerConfig> {
    Arc::new(ServerConfig::builder().with_no_client_auth().with_cert_resolver(shown))
}

/// A port that asks for them. Sessions are not resumed: every connection proves anew who opens it.
pub fn mutual(shown: Arc<Shown>, verifier: Arc<dyn rustls::server::danger::ClientCertVerifier>) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder().with_client_cert_verifier(verifier).with_cert_resolver(shown);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

/// `tls.crt` and `tls.key` of a directory.
///
/// # Errors
/// Names the file.
pub fn from_directory(directory: &Path) -> Result<CertifiedKey, String> {
    let (crt, key) = (directory.join("tls.crt"), directory.join("tls.key"));
    let chain = CertificateDer::pem_file_iter(&crt)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| format!("{}: {e}", crt.display()))?;
    let key_der = PrivateKeyDer::from_pem_file(&key).map_err(|e| format!("{}: {e}", key.display()))?;
    let signer = any_supported_type(&key_der).map_err(|e| format!("{}: {e}", key.display()))?;
    let certified = CertifiedKey::new(chain, signer);
    certified.keys_match().map_err(|e| format!("{}: {e}", directory.display()))?;
    Ok(certified)
}
