//! Who is at the other end of a connection.

use crate::AuthorityError;
use akv_wire::PodIdentity;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;

/// Accepts the certificates that one root leads to.
#[derive(Debug, Clone)]
pub struct Peers(Arc<dyn ClientCertVerifier>);

impl Peers {
    /// Accepts what these roots lead to. A peer without a certificate passes the handshake: not every path asks for one.
    ///
    /// # Errors
    /// If a root is no certificate.
    pub fn of(roots: &[CertificateDer<'static>]) -> Result<Self, AuthorityError> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root.clone()).map_err(|e| AuthorityError::Unreadable("a root".to_owned(), e.to_string()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::new(default_provider()))
            .allow_unauthenticated()
            .build()
            .map_err(|e| AuthorityError::Unreadable("the roots".to_owned(), e.to_string()))?;
        Ok(Self(verifier))
    }

    /// For the handshake.
    pub fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        self.0.clone()
    }

    /// Checks a chain at a time, as the handshake does: a connection may outlive the certificate that opened it.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn check(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<(), AuthorityError> {
        let (leaf, rest) = chain.split_first().ok_or_else(|| AuthorityError::Peer("there is none".to_owned()))?;
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
        self.0
            .verify_client_cert(leaf, rest, UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
            .map(drop)
            .map_err(|e| AuthorityError::Peer(e.to_string()))
    }

    /// The pod that a chain speaks for.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn pod(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<PodIdentity, AuthorityError> {
        self.check(chain, now)?;
        let refused = |why: &str| AuthorityError::Peer(why.to_owned());
        let leaf = chain.first().ok_or_else(|| refused("there is none"))?;
        let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(|_| refused("it cannot be read"))?;
        let names = parsed.subject_alternative_name().ok().flatten().ok_or_else(|| refused("it names no pod"))?;
        match names.value.general_names.as_slice() {
            [GeneralName::URI(uri)] => PodIdentity::parse(uri).ok_or_else(|| refused("it names no pod")),
            _ => Err(refused("it names no pod, or several things")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bundle, Lifetimes, cross_signed, pod_certificate, serving};
    use rcgen::{CertificateParams, KeyPair};
    use rustls_pki_types::pem::PemObject;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a time")
    }

    fn bundle() -> Bundle {
        Bundle::make(now(), Lifetimes::default()).expect("keys")
    }

    fn peers(bundle: &Bundle) -> Peers {
        Peers::of(&[bundle.root().certificate().expect("PEM")]).expect("a root")
    }

    fn identity() -> PodIdentity {
        PodIdentity { namespace: "shop".into(), pod: "web".into(), uid: "u1".into(), container: "app".into() }
    }

    fn request() -> String {
        let key = KeyPair::generate().expect("a key");
        // Whatever else stands in a request is nothing to us.
        let params = CertificateParams::new(vec!["evil.example".to_owned()]).expect("params");
        params.serialize_request(&key).expect("a request").pem().expect("PEM")
    }

    fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().expect("PEM")
    }

    fn certificate(bundle: &Bundle) -> Vec<CertificateDer<'static>> {
        chain(&pod_certificate(bundle, &identity(), &request(), now(), Lifetimes::default()).expect("a certificate"))
    }

    #[test]
    fn a_pods_certificate_is_that_pod_for_minutes() {
        let bundle = bundle();
        let certificate = certificate(&bundle);
        let peers = peers(&bundle);
        assert_eq!(peers.pod(&certificate, now()).expect("a pod"), identity());
        assert!(peers.pod(&certificate, now() + time::Duration::minutes(6)).is_err(), "expired");
        assert!(peers.pod(&[], now()).is_err(), "none");
    }

    #[test]
    fn a_rotation_changes_nothing_for_who_knows_the_root() {
        let (first, lifetimes) = (bundle(), Lifetimes::default());
        let later = now() + time::Duration::days(31);
        let second = first.rotated(later, lifetimes).expect("keys").expect("a rotation");
        let pem = pod_certificate(&second, &identity(), &request(), later, lifetimes).expect("a certificate");
        assert!(peers(&first).pod(&chain(&pem), later).is_ok());
    }

    #[test]
    fn what_another_authority_signed_or_was_signed_for_something_else_is_refused() {
        let (ours, other) = (bundle(), bundle());
        assert!(peers(&ours).pod(&certificate(&other), now()).is_err(), "another root");
        let served = serving(&ours, &["a.svc".to_owned()], now(), Lifetimes::default()).expect("a certificate");
        assert!(peers(&ours).pod(&served.certified.cert, now()).is_err(), "a serving certificate");
        assert!(peers(&ours).pod(&[ours.newest().certificate().expect("PEM")], now()).is_err(), "an intermediate");
    }

    #[test]
    fn a_request_that_is_none_is_refused() {
        for request in ["", "junk", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"] {
            assert!(
                pod_certificate(&bundle(), &identity(), request, now(), Lifetimes::default()).is_err(),
                "{request:?}"
            );
        }
    }

    #[test]
    fn a_cross_signed_intermediate_leads_to_the_other_authority() {
        let (ours, other) = (bundle(), bundle());
        let cross = cross_signed(&ours, other.root(), now(), Lifetimes::default()).expect("a signature");
        let mut chain = certificate(&ours);
        chain.push(cross);
        assert!(peers(&other).pod(&chain, now()).is_ok() && peers(&ours).pod(&chain, now()).is_ok());
    }
}
