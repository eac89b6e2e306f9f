//! Names that are legal by construction: parsed at the border, then carried as types.
//!
//! The Azure SDK puts names into URL paths without checks, so `a/../b` would reach another object, and a vault name
//! with a dot would reach another host. Nothing but these types may become part of a URL.

use thiserror::Error;

/// Why a text is no name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct NameError {
    what: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The rule in words, for messages and schemas.
            pub const RULE: &'static str = $rule;

            /// Accepts `text` if it follows the rule.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    // Cut, since the text is a user's and ends in a message.
                    Err(NameError { what: $what, text: text.chars().take(80).collect(), rule: $rule })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A Key Vault's name, the first label of its host.
    VaultName,
    "vault name",
    "3 to 24 letters, digits and single hyphens, beginning with a letter and ending with a letter or digit",
    |s| {
        (3..=24).contains(&s.len())
            && s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.ends_with(|c: char| c.is_ascii_alphanumeric())
            && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !s.contains("--")
    }
);
name!(
    /// The name of a secret, certificate or key in a vault. Key Vault ignores case.
    ObjectName,
    "object name",
    "1 to 127 letters, digits and hyphens",
    |s| (1..=127).contains(&s.len()) && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
);
name!(
    /// One version of a vault object.
    ObjectVersion,
    "object version",
    "32 hexadecimal digits, as Key Vault shows them",
    |s| s.len() == 32 && s.chars().all(|c| c.is_ascii_hexdigit())
);
name!(
    /// What a resource calls an object; a key of the target where no plugin says otherwise.
    Alias,
    "alias",
    "1 to 253 letters, digits, hyphens, underscores and dots, and does not begin with two dots",
    crate::syntax::is_key
);
name!(
    /// The name of a plugin: a default one, or that of an `AzureKeyVaultPlugin`.
    PluginName,
    "plugin name",
    "1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit",
    |s| {
        (1..=63).contains(&s.len())
            && !s.starts_with('-')
            && !s.ends_with('-')
            && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_url_is_a_name() {
        for text in ["", "a/b", "../keys/rsa", "..", "a?x=1", "a#f", "a b", "a\r\nX: y", "dé", "a%2fb", "a@b"] {
            assert!(ObjectName::parse(text).is_err(), "{text:?}");
            assert!(VaultName::parse(text).is_err(), "{text:?}");
            assert!(ObjectVersion::parse(text).is_err(), "{text:?}");
        }
        assert!(VaultName::parse("host.example").is_err());
    }

    #[test]
    fn limits_are_key_vaults() {
        assert!(ObjectName::parse(&"a".repeat(127)).is_ok());
        assert!(ObjectName::parse(&"a".repeat(128)).is_err());
        assert!(VaultName::parse("abc").is_ok() && VaultName::parse("ab").is_err());
        assert!(VaultName::parse(&"a".repeat(24)).is_ok() && VaultName::parse(&"a".repeat(25)).is_err());
        assert!(ObjectVersion::parse("4387e9f3d6e14c459867679a90fd0f79").is_ok());
    }
}
