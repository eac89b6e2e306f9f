//! How long a certificate lasts.

use crate::AuthorityError;
use rustls_pki_types::CertificateDer;

/// The end of a certificate, in Unix seconds.
///
/// # Errors
/// If it is no certificate.
pub fn end(certificate: &CertificateDer<'_>) -> Result<i64, AuthorityError> {
    let unreadable =
        |error: &dyn std::fmt::Display| AuthorityError::Unreadable("a certificate".to_owned(), error.to_string());
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|error| unreadable(&error))?;
    Ok(parsed.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bundle, Lifetimes};
    use time::OffsetDateTime;

    #[test]
    fn a_root_ends_when_its_life_is_over() {
        let (now, lifetimes) = (OffsetDateTime::now_utc(), Lifetimes::default());
        let bundle = Bundle::make(now, lifetimes).expect("a bundle");
        let root = bundle.root().certificate().expect("a certificate");
        let life = end(&root).expect("an end") - now.unix_timestamp();
        assert!((life - lifetimes.root.whole_seconds()).abs() < 5 * 60, "{life}");
        assert!(end(&CertificateDer::from(vec![1])).is_err());
    }
}
