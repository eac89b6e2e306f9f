//! The root and its intermediates as one Secret holds them, so that replicas agree.

use crate::{AuthorityError, Lifetimes, SKEW};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// Intermediates that are kept: what the newest signed, and what the one before it did.
const KEPT: usize = 2;

/// A certificate and its key, both in PEM.
#[derive(Clone)]
pub struct Pair {
    certificate: String,
    key: Zeroizing<String>,
}

/// The root and its intermediates, the newest first.
#[derive(Debug, Clone)]
pub struct Bundle {
    root: Pair,
    intermediates: Vec<Pair>,
}

impl Pair {
    /// Takes what a file or a Secret holds; `what` names it in errors.
    ///
    /// # Errors
    /// Says which of both is unreadable, or that they do not belong together.
    pub fn parse(what: &str, certificate: &[u8], key: &[u8]) -> Result<Self, AuthorityError> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let unreadable = |part: &str, why: String| AuthorityError::Unreadable(format!("{what}.{part}"), why);
        let pair = Self {
            certificate: text(certificate).ok_or_else(|| unreadable("crt", "it is not text".to_owned()))?,
            key: Zeroizing::new(text(key).ok_or_else(|| unreadable("key", "it is not text".to_owned()))?),
        };
        let der = CertificateDer::from_pem_slice(certificate).map_err(|e| unreadable("crt", e.to_string()))?;
        crate::key::pkcs8(&pair.key).map_err(|why| unreadable("key", why))?;
        let key = pair.key().map_err(|e| unreadable("key", e.to_string()))?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|e| unreadable("crt", e.to_string()))?;
        if parsed.public_key().subject_public_key.data != key.public_key_raw() {
            return Err(unreadable("key", "it is not the certificate's".to_owned()));
        }
        Ok(pair)
    }

    /// The certificate in PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The certificate in DER.
    pub fn certificate(&self) -> Result<CertificateDer<'static>, AuthorityError> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes())
            .map_err(|e| AuthorityError::Unreadable("a certificate".to_owned(), e.to_string()))
    }

    pub(crate) fn key(&self) -> Result<KeyPair, AuthorityError> {
        let der = crate::key::pkcs8(&self.key).map_err(|why| AuthorityError::Unreadable("a key".to_owned(), why))?;
        Ok(KeyPair::try_from(&PrivatePkcs8KeyDer::from(der.as_slice()))?)
    }

    pub(crate) fn issuer(&self) -> Result<Issuer<'static, KeyPair>, AuthorityError> {
        Ok(Issuer::from_ca_cert_der(&self.certificate()?, self.key()?)?)
    }

    /// From when and until when it is valid.
    pub(crate) fn validity(&self) -> Result<(OffsetDateTime, OffsetDateTime), AuthorityError> {
        let der = self.certificate()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&der)
            .map_err(|e| AuthorityError::Unreadable("a certificate".to_owned(), e.to_string()))?;
        let validity = parsed.validity();
        Ok((validity.not_before.to_datetime(), validity.not_after.to_datetime()))
    }
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair(withheld)")
    }
}

impl Bundle {
    /// A root and a first intermediate.
    ///
    /// # Errors
    /// Only if the system gives no keys.
    pub fn make(now: OffsetDateTime, lifetimes: Lifetimes) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let params = authority("akv2k8s root", 1, now, now + lifetimes.root);
        let certificate = params.self_signed(&key)?.pem();
        Self::under(Pair { certificate, key: Zeroizing::new(key.serialize_pem()) }, now, lifetimes)
    }

    /// A first intermediate under a root that somebody else keeps.
    ///
    /// # Errors
    /// If the root cannot sign.
    pub fn under(root: Pair, now: OffsetDateTime, lifetimes: Lifetimes) -> Result<Self, AuthorityError> {
        let intermediates = vec![intermediate(&root, now, lifetimes)?];
        Ok(Self { root, intermediates })
    }

    /// Whether the life of the root is over.
    ///
    /// # Errors
    /// If it is no certificate.
    pub fn over(&self, now: OffsetDateTime) -> Result<bool, AuthorityError> {
        Ok(self.root.validity()?.1 <= now)
    }

    /// The bundle with a new intermediate, if half of the newest one's life is over. The one before stays, since what it
    /// signed is still in use.
    ///
    /// # Errors
    /// If the root cannot sign.
    pub fn rotated(&self, now: OffsetDateTime, lifetimes: Lifetimes) -> Result<Option<Self>, AuthorityError> {
        let (_, end) = self.newest().validity()?;
        if end - now > lifetimes.intermediate / 2 {
            return Ok(None);
        }
        let mut intermediates = vec![intermediate(&self.root, now, lifetimes)?];
        intermediates.extend(self.intermediates.iter().take(KEPT - 1).cloned());
        Ok(Some(Self { root: self.root.clone(), intermediates }))
    }

    /// The root's certificate.
    pub fn root(&self) -> &Pair {
        &self.root
    }

    /// The intermediate that signs.
    pub fn newest(&self) -> &Pair {
        &self.intermediates[0]
    }

    /// As the keys of a Secret: `root.crt`, `root.key`, `intermediate-0.crt`, …
    pub fn to_data(&self) -> BTreeMap<String, Vec<u8>> {
        let named = self.intermediates.iter().enumerate().map(|(n, pair)| (format!("intermediate-{n}"), pair));
        let pairs = std::iter::once(("root".to_owned(), &self.root)).chain(named);
        pairs
            .flat_map(|(name, pair)| {
                [
                    (format!("{name}.crt"), pair.certificate.clone().into_bytes()),
                    (format!("{name}.key"), pair.key.as_bytes().to_vec()),
                ]
            })
            .collect()
    }

    /// Reads the keys of a Secret.
    ///
    /// # Errors
    /// Names the key that is missing or unreadable.
    pub fn from_data(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, AuthorityError> {
        let part = |name: &str| data.get(name).ok_or_else(|| AuthorityError::Missing(name.to_owned()));
        let pair = |name: &str| Pair::parse(name, part(&format!("{name}.crt"))?, part(&format!("{name}.key"))?);
        let mut intermediates = vec![pair("intermediate-0")?];
        for n in 1..KEPT {
            if data.contains_key(&format!("intermediate-{n}.crt")) {
                intermediates.push(pair(&format!("intermediate-{n}"))?);
            }
        }
        Ok(Self { root: pair("root")?, intermediates })
    }
}

fn intermediate(root: &Pair, now: OffsetDateTime, lifetimes: Lifetimes) -> Result<Pair, AuthorityError> {
    let key = KeyPair::generate()?;
    // Its own name, so that a chain can be built without trying keys.
    let name = format!("akv2k8s intermediate {}", now.unix_timestamp_nanos());
    let params = authority(&name, 0, now, now + lifetimes.intermediate);
    let certificate = params.signed_by(&key, &root.issuer()?)?.pem();
    Ok(Pair { certificate, key: Zeroizing::new(key.serialize_pem()) })
}

pub(crate) fn authority(name: &str, below: u8, now: OffsetDateTime, end: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (now - SKEW, end);
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a time")
    }

    #[test]
    fn a_bundle_survives_its_secret_and_names_what_is_missing() {
        let bundle = Bundle::make(now(), Lifetimes::default()).expect("keys");
        let mut data = bundle.to_data();
        let again = Bundle::from_data(&data).expect("the same");
        assert_eq!(again.root().certificate_pem(), bundle.root().certificate_pem());
        data.insert("root.key".to_owned(), b"junk".to_vec());
        assert!(Bundle::from_data(&data).expect_err("junk").to_string().starts_with("root.key cannot be read"));
        data.remove("intermediate-0.crt");
        assert_eq!(Bundle::from_data(&data).expect_err("missing").to_string(), "intermediate-0.crt is missing");
        assert!(!format!("{bundle:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_root_is_over_when_its_life_is() {
        let lifetimes = Lifetimes::default();
        let bundle = Bundle::make(now(), lifetimes).expect("keys");
        assert!(!bundle.over(now() + lifetimes.root - Duration::seconds(1)).expect("a certificate"));
        assert!(bundle.over(now() + lifetimes.root).expect("a certificate"));
    }

    #[test]
    fn an_intermediate_is_replaced_at_half_of_its_life_and_the_one_before_stays() {
        let lifetimes = Lifetimes::default();
        let first = Bundle::make(now(), lifetimes).expect("keys");
        assert!(first.rotated(now() + Duration::days(29), lifetimes).expect("readable").is_none());
        let second = first.rotated(now() + Duration::days(30), lifetimes).expect("keys").expect("a rotation");
        let third = second.rotated(now() + Duration::days(60), lifetimes).expect("keys").expect("a rotation");
        assert_eq!(third.intermediates.len(), KEPT);
        assert_eq!(third.intermediates[1].certificate_pem(), second.newest().certificate_pem());
        assert_eq!(third.root().certificate_pem(), first.root().certificate_pem());
    }
}
