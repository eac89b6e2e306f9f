//! Salts without randomness.

use sha1::Sha1;
use sha2::Digest;

/// `N` bytes, at most 20, that depend on everything the keystore protects.
///
/// A salt has to differ between keystores and may be known. A digest over the private key, the password and the purpose
/// does that, and gives the same keystore for the same input. The private key in it keeps the salt from telling anything
/// about the password. Equal key and password give equal salts, which tells an onlooker only that two keystores are equal.
pub fn salt<const N: usize>(purpose: &str, key: &[u8], password: &[u8]) -> [u8; N] {
    let digest = Sha1::new()
        .chain_update(b"akv2k8s java-keystore ")
        .chain_update(purpose.as_bytes())
        .chain_update((key.len() as u64).to_be_bytes())
        .chain_update(key)
        .chain_update(password)
        .finalize();
    let mut salt = [0; N];
    salt.copy_from_slice(&digest[..N]);
    salt
}
