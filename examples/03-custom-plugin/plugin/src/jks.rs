//! The format JKS, as `sun.security.provider.JavaKeyStore` and `KeyProtector` of OpenJDK read it.
//!
//! It protects the key with a SHA-1 key stream, which is weak by today's measure: take it only for what cannot read PKCS#12.

use crate::certificate::Material;
use crate::der::{NULL, OCTETS, SEQUENCE, element, oid};
use crate::salt::salt;
use sha1::Sha1;
use sha2::Digest;
use zeroize::Zeroizing;

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
const PRIVATE_KEY_ENTRY: u32 = 1;
/// 1.3.6.1.4.1.42.2.17.1.1, Sun's own key protector.
const KEY_PROTECTOR: [u8; 10] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a, 0x02, 0x11, 0x01, 0x01];
/// JavaKeyStore mixes this into the digest over the whole file.
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// One private key entry.
pub fn write(entry: &str, password: &str, material: &Material) -> Vec<u8> {
    let password: Zeroizing<Vec<u8>> = Zeroizing::new(password.encode_utf16().flat_map(u16::to_be_bytes).collect());
    let key = protect(&material.key, &password);
    let mut out = Vec::new();
    for word in [MAGIC, VERSION, 1, PRIVATE_KEY_ENTRY] {
        out.extend(word.to_be_bytes());
    }
    utf(&mut out, entry);
    out.extend((material.not_before * 1000).to_be_bytes());
    bytes(&mut out, &key);
    out.extend((material.chain.len() as u32).to_be_bytes());
    for certificate in &material.chain {
        utf(&mut out, "X.509");
        bytes(&mut out, certificate);
    }
    let digest = Sha1::new().chain_update(&password).chain_update(WHITENER).chain_update(&out).finalize();
    out.extend(digest);
    out
}

/// `EncryptedPrivateKeyInfo` of salt, key XOR stream, check.
fn protect(key: &[u8], password: &[u8]) -> Vec<u8> {
    let salt: [u8; 20] = salt("jks", key, password);
    let mut block = salt;
    let mut hidden = Vec::with_capacity(key.len());
    for piece in key.chunks(20) {
        block = Sha1::new().chain_update(password).chain_update(block).finalize().into();
        hidden.extend(piece.iter().zip(block).map(|(a, b)| a ^ b));
    }
    let check = Sha1::new().chain_update(password).chain_update(key).finalize();
    let algorithm = element(SEQUENCE, &[&oid(&KEY_PROTECTOR), &NULL]);
    element(SEQUENCE, &[&algorithm, &element(OCTETS, &[&salt, &hidden, &check])])
}

/// Java's `writeUTF`: two bytes of length, then modified UTF-8. Entry names are checked to be short by the caller.
fn utf(out: &mut Vec<u8>, text: &str) {
    let mut encoded = Vec::new();
    for unit in text.encode_utf16() {
        match unit {
            1..=0x7f => encoded.push(unit as u8),
            0 | 0x80..=0x7ff => encoded.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
            _ => encoded.extend([
                0xe0 | (unit >> 12) as u8,
                0x80 | ((unit >> 6) & 0x3f) as u8,
                0x80 | (unit & 0x3f) as u8,
            ]),
        }
    }
    out.extend((encoded.len() as u16).to_be_bytes());
    out.extend(encoded);
}

fn bytes(out: &mut Vec<u8>, content: &[u8]) {
    out.extend((content.len() as u32).to_be_bytes());
    out.extend(content);
}
