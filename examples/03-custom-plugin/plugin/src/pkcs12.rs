//! PKCS#12 (RFC 7292) as Java writes it today: the key under PBES2 with AES-256, an HMAC-SHA-256 over all; certificates are
//! public and stay in the clear, as with `keystore.pkcs12.certPbeAlgorithm=NONE`.

use crate::certificate::Material;
use crate::der::{EXPLICIT_0, NULL, OCTETS, SEQUENCE, SET, bmp_string, element, integer, oid};
use crate::fault::Fault;
use crate::salt::salt;
use hmac::{Hmac, KeyInit as _, Mac as _};
use pkcs5::pbes2::Parameters;
use pkcs12::kdf::{Pkcs12KeyType, derive_key_utf8};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// As `keytool` of JDK 17 does.
const ROUNDS: u32 = 10_000;

/// 1.2.840.113549.1.7.1, data.
const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.5.13, PBES2.
const PBES2: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
/// 1.2.840.113549.1.12.10.1.2, a shrouded key.
const SHROUDED_KEY_BAG: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02];
/// 1.2.840.113549.1.12.10.1.3, a certificate.
const CERTIFICATE_BAG: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
/// 1.2.840.113549.1.9.22.1, X.509.
const X509: [u8; 10] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
/// 1.2.840.113549.1.9.20, friendlyName.
const FRIENDLY_NAME: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
/// 1.2.840.113549.1.9.21, localKeyID.
const LOCAL_KEY_ID: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x15];
/// 2.16.840.1.101.3.4.2.1, SHA-256.
const SHA256: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// One private key entry.
pub fn write(entry: &str, password: &str, object: &str, material: &Material) -> Result<Vec<u8>, Fault> {
    let bad = || Fault::input("bad-password", object, "the password cannot be used with PKCS#12");
    let id = Sha1::digest(&material.chain[0]);
    let named = element(
        SET,
        &[&attribute(&FRIENDLY_NAME, &bmp_string(entry)), &attribute(&LOCAL_KEY_ID, &element(OCTETS, &[&id]))],
    );

    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(
        ROUNDS,
        &salt::<20>("pkcs12 key", &material.key, password.as_bytes()),
        salt::<16>("pkcs12 iv", &material.key, password.as_bytes()),
    )
    .map_err(|_| bad())?;
    let hidden = parameters.encrypt(password, &material.key).map_err(|_| bad())?;
    let scheme = pbes2(&parameters).ok_or_else(bad)?;
    let key = element(SEQUENCE, &[&scheme, &element(OCTETS, &[&hidden])]);
    let keys = data(&element(SEQUENCE, &[&bag(&SHROUDED_KEY_BAG, &key, &named)]));

    let certificates: Vec<u8> = (material.chain.iter().enumerate())
        .flat_map(|(i, der)| {
            let content = element(EXPLICIT_0, &[&element(OCTETS, &[der])]);
            let certificate = element(SEQUENCE, &[&oid(&X509), &content]);
            // Only the key's own certificate carries the id that ties it to the key.
            bag(&CERTIFICATE_BAG, &certificate, if i == 0 { &named } else { &[] })
        })
        .collect();
    let certificates = data(&element(SEQUENCE, &[&certificates]));

    let safe = element(SEQUENCE, &[&keys, &certificates]);
    let mac = mac(&safe, password, &material.key).ok_or_else(bad)?;
    Ok(element(SEQUENCE, &[&integer(3), &data(&safe), &mac]))
}

fn attribute(id: &[u8], value: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&oid(id), &element(SET, &[value])])
}

fn bag(kind: &[u8], content: &[u8], attributes: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&oid(kind), &element(EXPLICIT_0, &[content]), attributes])
}

/// `ContentInfo` of type data.
fn data(content: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&oid(&DATA), &element(EXPLICIT_0, &[&element(OCTETS, &[content])])])
}

/// `AlgorithmIdentifier` of PBES2 with `parameters`.
fn pbes2(parameters: &Parameters) -> Option<Vec<u8>> {
    use pkcs5::der::Encode as _;
    Some(element(SEQUENCE, &[&oid(&PBES2), &parameters.to_der().ok()?]))
}

fn mac(safe: &[u8], password: &str, key: &[u8]) -> Option<Vec<u8>> {
    let salt: [u8; 20] = salt("pkcs12 mac", key, password.as_bytes());
    let mac_key = derive_key_utf8::<Sha256>(password, &salt, Pkcs12KeyType::Mac, ROUNDS as i32, 32).ok()?;
    let digest = Hmac::<Sha256>::new_from_slice(&mac_key).ok()?.chain_update(safe).finalize().into_bytes();
    let info = element(SEQUENCE, &[&element(SEQUENCE, &[&oid(&SHA256), &NULL]), &element(OCTETS, &[&digest])]);
    Some(element(SEQUENCE, &[&info, &element(OCTETS, &[&salt]), &integer(ROUNDS)]))
}
