//! The order of certificates.

use crate::{Fault, PrivateKey, pem};
use der::{Decode, Encode};
use x509_cert::Certificate;

struct Names {
    subject: Vec<u8>,
    issuer: Vec<u8>,
    public: Vec<u8>,
}

/// The certificate that belongs to the key first, then each issuer that is at hand, then what belongs to no chain.
///
/// Where the key does not tell its public half, the leaf is the one that issued none of the others. Certificates that
/// cannot be read leave everything as it was.
pub fn server_first(key: Option<&PrivateKey>, certificates: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let Some(names) = certificates.iter().map(|der| names(der)).collect::<Option<Vec<_>>>() else {
        return certificates;
    };
    let issues = |at: usize| {
        names
            .iter()
            .enumerate()
            .any(|(other, n)| other != at && n.issuer == names[at].subject && n.subject != names[at].subject)
    };
    let by_key = names.iter().position(|n| key.and_then(|k| k.matches(&n.public)) == Some(true));
    let Some(leaf) = by_key.or_else(|| (0..names.len()).find(|at| !issues(*at))) else {
        return certificates;
    };
    let mut order = vec![leaf];
    loop {
        let last = &names[order[order.len() - 1]];
        // A certificate that issued itself ends the chain, as do two that issued each other.
        let next = (0..names.len())
            .find(|at| !order.contains(at) && names[*at].subject == last.issuer && last.issuer != last.subject);
        match next {
            Some(at) => order.push(at),
            None => break,
        }
    }
    order.extend((0..names.len()).filter(|at| !order.contains(at)).collect::<Vec<_>>());
    order.into_iter().map(|at| certificates[at].clone()).collect()
}

fn names(der: &[u8]) -> Option<Names> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    Some(Names {
        subject: tbs.subject().to_der().ok()?,
        issuer: tbs.issuer().to_der().ok()?,
        public: tbs.subject_public_key_info().subject_public_key.raw_bytes().to_vec(),
    })
}

/// One or more concatenated certificates as PEM, in order.
pub fn public_pem(mut der: &[u8]) -> Result<String, Fault> {
    let bad = Fault::new("bad-certificate", "the certificate cannot be read");
    let mut text = String::new();
    while !der.is_empty() {
        let (_, rest) = Certificate::from_der_partial(der).map_err(|_| bad)?;
        text += &pem::encode("CERTIFICATE", &der[..der.len() - rest.len()]);
        der = rest;
    }
    if text.is_empty() { Err(bad) } else { Ok(text) }
}
