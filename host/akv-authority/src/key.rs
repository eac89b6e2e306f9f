//! Private keys as others write them. Helm and cert-manager write RSA and EC keys in their own formats, PKCS#1 and SEC1;
//! what signs here takes PKCS#8.

use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

/// `rsaEncryption`, with the parameters that RFC 8017 wants: none.
const RSA: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `ecPublicKey` with the curve P-256.
const P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
/// The same with P-384.
const P384: &[u8] =
    &[0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// The DER of a key in PKCS#8; the error is a sentence without any of it.
pub(crate) fn pkcs8(pem: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| error.to_string())? {
        PrivateKeyDer::Pkcs8(key) => Ok(Zeroizing::new(key.secret_pkcs8_der().to_vec())),
        PrivateKeyDer::Pkcs1(key) => Ok(wrapped(RSA, key.secret_pkcs1_der())),
        PrivateKeyDer::Sec1(key) => {
            // SEQUENCE { INTEGER 1, OCTET STRING of the size of the curve, … }
            let key = key.secret_sec1_der();
            let size = key.iter().skip_while(|byte| **byte != 0x02).nth(4);
            match size {
                Some(32) => Ok(wrapped(P256, key)),
                Some(48) => Ok(wrapped(P384, key)),
                _ => Err("its curve is not P-256 or P-384".to_owned()),
            }
        }
        _ => Err("its format is not known".to_owned()),
    }
}

/// SEQUENCE { INTEGER 0, algorithm, OCTET STRING key }
fn wrapped(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(vec![0x02, 0x01, 0x00]);
    body.extend_from_slice(algorithm);
    body.extend_from_slice(&head(0x04, key.len()));
    body.extend_from_slice(key);
    let mut all = Zeroizing::new(head(0x30, body.len()));
    all.extend_from_slice(&body);
    all
}

/// Tag and length, in DER.
fn head(tag: u8, length: usize) -> Vec<u8> {
    let bytes = length.to_be_bytes();
    let used: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    match used.as_slice() {
        [] => vec![tag, 0],
        [short] if *short < 0x80 => vec![tag, *short],
        long => [&[tag, 0x80 | long.len() as u8], long].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::KeyPair;
    use rustls_pki_types::PrivatePkcs8KeyDer;

    fn check(pem: &str) {
        let der = pkcs8(pem).expect("a key");
        KeyPair::try_from(&PrivatePkcs8KeyDer::from(der.as_slice())).expect("it can sign");
    }

    #[test]
    fn keys_of_every_format_can_sign() {
        check(include_str!("../../../tests/data/fixtures/rsa.key"));
        check(include_str!("../../../tests/data/fixtures/rsa.pkcs1.pem"));
        check(include_str!("../../../tests/data/fixtures/p256.sec1.pem"));
        assert!(pkcs8(include_str!("../../../tests/data/fixtures/p521.sec1.pem")).is_err());
        assert!(pkcs8("junk").is_err());
    }

    #[test]
    fn lengths_are_those_of_der() {
        assert_eq!(head(4, 0), [4, 0]);
        assert_eq!(head(4, 127), [4, 127]);
        assert_eq!(head(4, 128), [4, 0x81, 128]);
        assert_eq!(head(4, 1216), [4, 0x82, 0x04, 0xc0]);
    }
}
