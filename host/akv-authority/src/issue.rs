//! What an intermediate signs.

use crate::bundle::{Bundle, Pair, authority};
use crate::{AuthorityError, Lifetimes, SKEW};
use akv_wire::PodIdentity;
use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

/// A serving certificate and when the next one should be made.
pub struct Serving {
    /// For rustls.
    pub certified: CertifiedKey,
    /// When half of its life is over.
    pub renew: OffsetDateTime,
}

/// A serving certificate for DNS names, with a key that is never stored.
///
/// # Errors
/// If a name is none, or the intermediate cannot sign.
pub fn serving(
    bundle: &Bundle,
    names: &[String],
    now: OffsetDateTime,
    lifetimes: Lifetimes,
) -> Result<Serving, AuthorityError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    let name = names.first().map(String::as_str).unwrap_or_default();
    // The common name of a certificate has at most 64 characters; clients look at the alternative names.
    leaf(&mut params, &name.chars().take(64).collect::<String>(), now, lifetimes.serving);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &bundle.newest().issuer()?)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signer = any_supported_type(&der)
        .map_err(|e| AuthorityError::Unreadable("the serving key".to_owned(), e.to_string()))?;
    let chain = vec![certificate.der().clone(), bundle.newest().certificate()?];
    Ok(Serving { certified: CertifiedKey::new(chain, signer), renew: now + lifetimes.serving / 2 })
}

/// A certificate of minutes for the key of a signing request; the chain in PEM. Nothing but the key is taken from the request.
///
/// # Errors
/// If the request is none, or not signed by its own key.
pub fn pod_certificate(
    bundle: &Bundle,
    identity: &PodIdentity,
    request: &str,
    now: OffsetDateTime,
    lifetimes: Lifetimes,
) -> Result<String, AuthorityError> {
    let request =
        CertificateSigningRequestParams::from_pem(request).map_err(|e| AuthorityError::Request(e.to_string()))?;
    let mut params = CertificateParams::default();
    leaf(&mut params, "akv2k8s pod", now, lifetimes.pod);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(identity.to_string().try_into()?)];
    let certificate = params.signed_by(&request.public_key, &bundle.newest().issuer()?)?;
    Ok(certificate.pem() + bundle.newest().certificate_pem())
}

/// The newest intermediate, signed by another authority too: who trusts only that one accepts what we serve.
///
/// # Errors
/// If the other authority cannot sign.
pub fn cross_signed(
    bundle: &Bundle,
    other: &Pair,
    now: OffsetDateTime,
    lifetimes: Lifetimes,
) -> Result<CertificateDer<'static>, AuthorityError> {
    let der = bundle.newest().certificate()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&der)
        .map_err(|e| AuthorityError::Unreadable("the intermediate".to_owned(), e.to_string()))?;
    let name = parsed.subject().iter_common_name().next().and_then(|n| n.as_str().ok()).unwrap_or_default();
    let params = authority(name, 0, now, now + lifetimes.intermediate);
    Ok(params.signed_by(&bundle.newest().key()?, &other.issuer()?)?.der().clone())
}

fn leaf(params: &mut CertificateParams, name: &str, now: OffsetDateTime, life: time::Duration) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (now - SKEW, now + life);
}
