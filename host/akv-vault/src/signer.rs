//! An application's certificate, as a signer of login assertions.
//!
//! The SDK's own credential would bring OpenSSL along. Format of the assertion:
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p12_keystore::{Certificate, Pkcs12Archive};
use ring::rand::SecureRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// How long an assertion is good for, in seconds; what Microsoft's libraries use is 5 to 10 minutes.
const LIFETIME: i64 = 300;

/// An RSA key with the certificate that Entra knows.
pub(crate) struct Signer {
    key: RsaKeyPair,
    /// base64url of the certificate's SHA-1, by which Entra finds it.
    thumbprint: String,
    /// The certificate and its issuers in DER as base64, leaf first; empty if it is not to be sent.
    chain: Vec<String>,
}

impl Signer {
    /// Reads a PKCS#12 or PEM file's bytes. The error says what is wrong, for people, and quotes nothing.
    pub(crate) fn parse(bytes: &[u8], password: &str, send_chain: bool) -> Result<Self, String> {
        let (keys, certificates) = if bytes.windows(11).any(|window| window == b"-----BEGIN ") {
            pem(bytes)?
        } else {
            pkcs12(bytes, password)?
        };
        let key = match keys.as_slice() {
            [] => return Err("it holds no private key".to_owned()),
            [key] => key,
            _ => {
                return Err("it holds more than one private key: export only the application's".to_owned());
            }
        };
        if certificates.is_empty() {
            return Err("it holds no certificate: export the key with its certificate".to_owned());
        }
        // The public half stands in the certificate exactly as ring encodes it (RFC 3279 2.3.1).
        let public = key.public().as_ref().to_vec();
        let leaf = certificates
            .iter()
            .position(|certificate| contains(certificate.as_der(), &public))
            .ok_or("none of its certificates belongs to its private key")?;
        let chain = if send_chain { order(&certificates, leaf) } else { Vec::new() };
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, certificates[leaf].as_der());
        let mut keys = keys;
        Ok(Self { key: keys.swap_remove(0), thumbprint: URL_SAFE_NO_PAD.encode(digest.as_ref()), chain })
    }

    /// An assertion that `client` is who it says, for the token service at `audience`, signed at `now` (Unix seconds).
    pub(crate) fn assertion(&self, client: &str, audience: &str, now: i64) -> Result<String, &'static str> {
        let random = ring::rand::SystemRandom::new();
        let mut id = [0; 16];
        random.fill(&mut id).map_err(|_| "the system gave no random bytes")?;
        let id = URL_SAFE_NO_PAD.encode(id);
        let mut header = serde_json::json!({"alg": "RS256", "typ": "JWT", "x5t": self.thumbprint});
        if !self.chain.is_empty() {
            header["x5c"] = serde_json::json!(self.chain);
        }
        let claims = serde_json::json!({
            "aud": audience, "iss": client, "sub": client, "jti": id,
            "iat": now, "nbf": now, "exp": now + LIFETIME,
        });
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
            .map_err(|_| "the private key refused to sign")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer(x5t {})", self.thumbprint)
    }
}

type Content = (Vec<RsaKeyPair>, Vec<Certificate>);

fn pkcs12(bytes: &[u8], password: &str) -> Result<Content, String> {
    use p12_keystore::error::Error;
    let archive = Pkcs12Archive::from_pkcs12(bytes, password).map_err(|fault| match fault {
        Error::MacError(_) => "the password is wrong".to_owned(),
        _ => "it is neither PKCS#12 nor PEM, or its password is wrong".to_owned(),
    })?;
    let keys = archive
        .keys
        .iter()
        .map(|bag| RsaKeyPair::from_pkcs8(bag.key.as_der()).map_err(|_| NOT_RSA.to_owned()))
        .collect::<Result<_, _>>()?;
    Ok((keys, archive.certs.into_iter().map(|bag| bag.cert).collect()))
}

const NOT_RSA: &str = "its private key is no RSA key of 2048 to 4096 bits, and Entra takes nothing else";

fn pem(bytes: &[u8]) -> Result<Content, String> {
    if contains(bytes, b"ENCRYPTED") {
        return Err("its private key is encrypted, which is supported in PKCS#12 only".to_owned());
    }
    let keys = PrivateKeyDer::pem_slice_iter(bytes)
        .map(|key| match key.map_err(|_| "its PEM is broken")? {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| NOT_RSA),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| NOT_RSA),
            _ => Err(NOT_RSA),
        })
        .collect::<Result<_, _>>()?;
    let certificates = CertificateDer::pem_slice_iter(bytes)
        .map(|der| {
            let der = der.map_err(|_| "its PEM is broken")?;
            Certificate::from_der(&der).map_err(|_| "one of its certificates cannot be read")
        })
        .collect::<Result<_, _>>()?;
    Ok((keys, certificates))
}

/// The leaf, then each one's issuer, as base64. Every certificate is used once, so a cycle ends.
fn order(certificates: &[Certificate], leaf: usize) -> Vec<String> {
    let mut rest: Vec<&Certificate> = certificates.iter().collect();
    let mut last = rest.swap_remove(leaf);
    let mut chain = vec![STANDARD.encode(last.as_der())];
    while last.issuer() != last.subject() {
        let Some(issuer) = rest.iter().position(|other| other.subject() == last.issuer()) else {
            break;
        };
        last = rest.swap_remove(issuer);
        chain.push(STANDARD.encode(last.as_der()));
    }
    chain
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/application/");
        std::fs::read(format!("{folder}{name}")).expect("a file of tests/data")
    }

    fn part(assertion: &str, index: usize) -> serde_json::Value {
        let part = assertion.split('.').nth(index).expect("a part");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    }

    fn accepts(name: &str, password: &str) {
        let signer = Signer::parse(&file(name), password, false).expect(name);
        let assertion = signer.assertion("client", "https://login.example/t", 1_000).expect(name);
        let pem = file("certificate-only.pem");
        let leaf = CertificateDer::from_pem_slice(&pem).expect("a certificate");
        let sha1 = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &leaf);
        let header = serde_json::json!({"alg": "RS256", "typ": "JWT", "x5t": URL_SAFE_NO_PAD.encode(sha1)});
        assert_eq!(part(&assertion, 0), header, "{name}");
        let claims = part(&assertion, 1);
        for (claim, expected) in [
            ("aud", serde_json::json!("https://login.example/t")),
            ("iss", serde_json::json!("client")),
            ("sub", serde_json::json!("client")),
            ("nbf", serde_json::json!(1_000)),
            ("exp", serde_json::json!(1_300)),
        ] {
            assert_eq!(claims[claim], expected, "{name}: {claim}");
        }
        let (signed, signature) = assertion.rsplit_once('.').expect("three parts");
        let public = ring::signature::UnparsedPublicKey::new(
            &ring::signature::RSA_PKCS1_2048_8192_SHA256,
            signer.key.public().as_ref(),
        );
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        public.verify(signed.as_bytes(), &signature).expect("a good signature");
        assert!(contains(&leaf, signer.key.public().as_ref()));
    }

    #[test]
    fn every_shape_in_which_people_export_a_certificate_signs() {
        accepts("modern.p12", "application");
        accepts("legacy-empty-password.p12", "");
        accepts("authority-first.pem", "");
        accepts("pkcs1.pem", "ignored");
    }

    #[test]
    fn the_chain_is_sent_leaf_first_when_asked_for() {
        for (name, password) in [("modern.p12", "application"), ("authority-first.pem", "")] {
            let signer = Signer::parse(&file(name), password, true).expect(name);
            let header = part(&signer.assertion("c", "a", 0).expect(name), 0);
            let chain: Vec<Certificate> = header["x5c"]
                .as_array()
                .expect("a chain")
                .iter()
                .map(|text| STANDARD.decode(text.as_str().expect("text")).expect("base64"))
                .map(|der| Certificate::from_der(&der).expect("a certificate"))
                .collect();
            let subjects: Vec<&str> = chain.iter().map(Certificate::subject).collect();
            assert_eq!(subjects, ["CN=Test application", "CN=Test authority"], "{name}");
        }
    }

    #[test]
    fn two_assertions_differ_since_a_service_may_refuse_a_repeated_one() {
        let signer = Signer::parse(&file("pkcs1.pem"), "", false).expect("a signer");
        let [a, b] = [(); 2].map(|()| signer.assertion("c", "a", 0).expect("signed"));
        assert_ne!(part(&a, 1)["jti"], part(&b, 1)["jti"]);
    }

    #[test]
    fn what_cannot_sign_says_why() {
        for (name, password, expected) in [
            ("modern.p12", "wrong", "the password is wrong"),
            ("certificate-only.pem", "", "no private key"),
            ("foreign-certificate.pem", "", "none of its certificates belongs to its private key"),
            ("elliptic.pem", "", "no RSA key"),
            ("encrypted.pem", "x", "supported in PKCS#12 only"),
            ("README.md", "", "neither PKCS#12 nor PEM"),
        ] {
            let refusal = Signer::parse(&file(name), password, false).expect_err(name);
            assert!(refusal.contains(expected), "{name}: {refusal}");
        }
    }
}
