//! What Key Vault takes as names and values.
//! <https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#vault-name-and-object-name>.

/// The rule of [`is_object`] in words.
pub const OBJECT: &str = "1 to 127 letters, digits and dashes";
/// The rule of [`is_vault`] in words.
pub const VAULT: &str =
    "3 to 24 lower-case letters, digits and dashes, a letter first, no dash last, no two dashes in a row";
/// The rule of [`is_version`] in words.
pub const VERSION: &str = "32 hexadecimal digits in lower case";
/// Bytes of a secret's value: 25 KiB.
pub const LARGEST_VALUE: usize = 25 << 10;

/// Whether it can be the name of a secret, certificate or key.
#[must_use]
pub fn is_object(name: &str) -> bool {
    (1..=127).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether it can be the name of a vault. Azure ignores case; a host name is in lower case.
#[must_use]
pub fn is_vault(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
}

/// Whether it can be a version.
#[must_use]
pub fn is_version(version: &str) -> bool {
    version.len() == 32 && version.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_key_vault() {
        for (name, object, vault) in [
            ("shop-prod", true, true),
            ("Shop", true, false),
            ("1st", true, false),
            ("a--b", true, false),
            ("ab-", true, false),
            ("ab", true, false),
            ("a_b", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_object(name), is_vault(name)), (object, vault), "{name}");
        }
        assert!(is_object(&"x".repeat(127)) && !is_object(&"x".repeat(128)));
        assert!(is_vault(&"x".repeat(24)) && !is_vault(&"x".repeat(25)));
        assert!(is_version("00112233445566778899aabbccddeeff") && !is_version("00112233445566778899AABBCCDDEEFF"));
    }
}
