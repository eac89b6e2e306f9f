//! Whose fault it is that there is no command, in one word.

/// The kinds of refusals; the words are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The image name is none.
    InvalidImage,
    /// The registry is not on the allow-list.
    RegistryNotAllowed,
    /// The look-up would have left the fence: an address, a realm or a redirect.
    RegistryRefused,
    /// No credential was accepted.
    RegistryUnauthorized,
    /// There is no such image, or it may not be seen.
    ImageNotFound,
    /// The registry has been asked too often.
    RegistryThrottled,
    /// No connection, or an error of the registry's own.
    RegistryUnavailable,
    /// No answer in time.
    RegistryTimeout,
    /// The registry's certificate is not trusted.
    RegistryUntrusted,
    /// The registry answered with what is no answer.
    RegistryBroken,
    /// The image has no command that could be read for this platform.
    ImageUnsupported,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::InvalidImage,
        Self::RegistryNotAllowed,
        Self::RegistryRefused,
        Self::RegistryUnauthorized,
        Self::ImageNotFound,
        Self::RegistryThrottled,
        Self::RegistryUnavailable,
        Self::RegistryTimeout,
        Self::RegistryUntrusted,
        Self::RegistryBroken,
        Self::ImageUnsupported,
    ];

    /// The word for events, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidImage => "InvalidImage",
            Self::RegistryNotAllowed => "RegistryNotAllowed",
            Self::RegistryRefused => "RegistryRefused",
            Self::RegistryUnauthorized => "RegistryUnauthorized",
            Self::ImageNotFound => "ImageNotFound",
            Self::RegistryThrottled => "RegistryThrottled",
            Self::RegistryUnavailable => "RegistryUnavailable",
            Self::RegistryTimeout => "RegistryTimeout",
            Self::RegistryUntrusted => "RegistryUntrusted",
            Self::RegistryBroken => "RegistryBroken",
            Self::ImageUnsupported => "ImageUnsupported",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        assert!(Reason::ALL.iter().all(|reason| format!("{reason:?}") == reason.as_str()));
    }
}
