//! What Key Vault calls a certificate: its private part is a PKCS#12 file in base64 or a PEM text, by content type.

use crate::fault::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::Pkcs12Archive;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// A private key and the certificates that vouch for it.
pub struct Material {
    /// PKCS#8 DER.
    pub key: Zeroizing<Vec<u8>>,
    /// DER, the key's own certificate first, then its issuers.
    pub chain: Vec<Vec<u8>>,
    /// Start of the first certificate's validity, in seconds since 1970.
    pub not_before: i64,
}

/// Takes the object's parts apart: `leaf` is its public part, which says which certificate belongs to the key.
pub fn read(alias: &str, content_type: Option<&str>, leaf: &[u8], private: &[u8]) -> Result<Material, Fault> {
    let (key, certificates) = match content_type {
        Some("application/x-pem-file") => pem(alias, private)?,
        _ => pfx(alias, private)?,
    };
    let chain = chain(alias, leaf, certificates)?;
    let not_before = parse(alias, leaf)?.validity().not_before.timestamp();
    Ok(Material { key, chain, not_before })
}

type Parts = (Zeroizing<Vec<u8>>, Vec<Vec<u8>>);

fn pfx(alias: &str, private: &[u8]) -> Result<Parts, Fault> {
    let bytes = Zeroizing::new(
        STANDARD
            .decode(private.trim_ascii())
            .map_err(|_| Fault::input("bad-base64", alias, "the PKCS#12 file is not base64"))?,
    );
    // Key Vault exports without a password.
    let archive = Pkcs12Archive::from_pkcs12(&bytes, "")
        .map_err(|_| Fault::input("bad-pkcs12", alias, "the PKCS#12 file cannot be read"))?;
    let key = archive.keys.first().ok_or_else(|| no_key(alias))?;
    let key = Zeroizing::new(key.key.as_der().to_vec());
    Ok((key, archive.certs.iter().map(|c| c.cert.as_der().to_vec()).collect()))
}

fn pem(alias: &str, private: &[u8]) -> Result<Parts, Fault> {
    let bad = |what: &str| Fault::input("bad-pem", alias, format!("the PEM text {what}"));
    let text = std::str::from_utf8(private).map_err(|_| bad("is not text"))?;
    let (mut key, mut certificates) = (None, Vec::new());
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or_else(|| bad("ends within a label"))?;
        let (body, after) =
            after.split_once(&format!("-----END {label}-----")).ok_or_else(|| bad("ends within a block"))?;
        let body = Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
        let decode = || STANDARD.decode(body.as_bytes()).map_err(|_| bad("holds a block that is not base64"));
        match label {
            "PRIVATE KEY" => key = key.or(Some(Zeroizing::new(decode()?))),
            "CERTIFICATE" => certificates.push(decode()?),
            "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => {
                return Err(Fault::input("key-form", alias, "the private key is not PKCS#8 (BEGIN PRIVATE KEY)"));
            }
            _ => {}
        }
        rest = after;
    }
    Ok((key.ok_or_else(|| no_key(alias))?, certificates))
}

fn no_key(alias: &str) -> Fault {
    Fault::input(
        "no-private-key",
        alias,
        "the certificate's private key is not exportable, so there is nothing for a keystore",
    )
}

/// The leaf, then each issuer that is at hand; what belongs to no chain is left out.
fn chain(alias: &str, leaf: &[u8], certificates: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Fault> {
    let mut chain = vec![leaf.to_vec()];
    loop {
        let last = parse(alias, &chain[chain.len() - 1])?;
        let mut next = None;
        for candidate in &certificates {
            // A self-signed end, or two authorities that signed each other, would go on for ever.
            if !chain.contains(candidate) && parse(alias, candidate)?.subject().as_raw() == last.issuer().as_raw() {
                next = Some(candidate.clone());
                break;
            }
        }
        match next {
            Some(der) => chain.push(der),
            None => return Ok(chain),
        }
    }
}

fn parse<'a>(alias: &str, der: &'a [u8]) -> Result<X509Certificate<'a>, Fault> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(Fault::input("bad-certificate", alias, "a certificate cannot be read")),
    }
}
