//! Which certificate authorities are trusted.

use std::path::Path;

use reqwest::{Certificate, ClientBuilder};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::environment::{Variables, read_file};
use crate::settings::Settings;
use crate::settings_error::SettingsError;

/// A bundle of all public authorities has some 300 KiB.
const LARGEST: u64 = 16 << 20;

/// Trusts what the settings say: their own roots if there are any, else as [`trust`].
pub(crate) fn of(builder: ClientBuilder, settings: &Settings) -> Result<ClientBuilder, SettingsError> {
    let variables = Variables(&settings.environment);
    match &settings.roots {
        None => trust(builder, variables, settings.extra_ca.as_deref()),
        Some(roots) => {
            let roots = roots.iter().filter_map(|der| Certificate::from_der(der).ok());
            Ok(builder.tls_certs_only(roots.collect::<Vec<_>>()))
        }
    }
}

/// Adds the roots: those of `SSL_CERT_FILE` and `SSL_CERT_DIR` instead of the system's if one of them is set, as OpenSSL and
/// every other program has it, and those of `extra` in any case.
fn trust(
    builder: ClientBuilder,
    variables: Variables<'_>,
    extra: Option<&Path>,
) -> Result<ClientBuilder, SettingsError> {
    let extra = extra.map(|path| bundle("the extra CA file", path)).transpose()?.unwrap_or_default();
    let file = variables.path("SSL_CERT_FILE");
    let directory = variables.path("SSL_CERT_DIR");
    if file.is_none() && directory.is_none() {
        return Ok(builder.tls_certs_merge(extra));
    }
    let mut roots = extra;
    if let Some(path) = file {
        roots.extend(bundle("the file of SSL_CERT_FILE", path)?);
    }
    if let Some(path) = directory {
        roots.extend(folder(path)?);
    }
    Ok(builder.tls_certs_only(roots))
}

fn bundle(what: &'static str, path: &Path) -> Result<Vec<Certificate>, SettingsError> {
    let bytes = read_file(what, path, LARGEST)?;
    let roots = certificates(&bytes);
    if roots.is_empty() {
        return Err(SettingsError::Content {
            what,
            path: path.to_owned(),
            problem: "it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned(),
        });
    }
    Ok(roots)
}

/// Every certificate of every file; what is no certificate is passed over, since such folders hold revocation lists too.
fn folder(path: &Path) -> Result<Vec<Certificate>, SettingsError> {
    let what = "the folder of SSL_CERT_DIR";
    let unreadable = |source| SettingsError::Unreadable { what, path: path.to_owned(), source };
    let mut roots = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.path();
        if entry.is_file()
            && let Ok(bytes) = read_file(what, &entry, LARGEST)
        {
            roots.extend(certificates(&bytes));
        }
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Vec<Certificate> {
    CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .filter_map(|der| Certificate::from_der(&der).ok())
        .collect()
}
