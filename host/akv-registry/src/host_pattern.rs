//! Patterns of hosts in settings.

use crate::host::Host;

/// `registry.example.org`, `*.example.org` (every name below, not the name itself) or `*`, each with a port if it is not the
/// usual one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPattern {
    name: Name,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Any,
    Exactly(String),
    /// With the dot in front.
    Below(String),
}

impl HostPattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { name: Name::Any, port: None });
        }
        let (below, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        let host = Host::parse(rest)?;
        let name = host.name().to_owned();
        let name = match below {
            // Below an address there is nothing.
            true if host.address().is_some() => return None,
            true => Name::Below(format!(".{name}")),
            false => Name::Exactly(name),
        };
        Some(Self { name, port: host.port().filter(|port| *port != 443) })
    }

    /// Whether it stands for this host; a port that is not written is 443 on both sides.
    pub(crate) fn covers(&self, host: &Host) -> bool {
        let name = match &self.name {
            // An address is meant by itself or not at all.
            Name::Any => host.address().is_none(),
            Name::Exactly(name) => name == host.name(),
            Name::Below(suffix) => host.name().ends_with(suffix.as_str()),
        };
        name && self.port == host.port().filter(|port| *port != 443)
    }

    /// Whether it names something.
    pub(crate) fn is_named(&self) -> bool {
        self.name != Name::Any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_begins_at_a_dot() {
        for (pattern, host, expected) in [
            ("*.azurecr.io", "my.azurecr.io", true),
            ("*.azurecr.io", "a.b.azurecr.io", true),
            ("*.azurecr.io", "azurecr.io", false),
            ("*.azurecr.io", "evil-azurecr.io", false),
            ("*.azurecr.io", "azurecr.io.evil.example", false),
            ("*.azurecr.io", "my.azurecr.io.evil.example", false),
            ("*.azurecr.io", "my.azurecr.io:444", false),
            ("*.AzureCR.io", "my.azurecr.io:443", true),
            ("ghcr.io", "ghcr.io", true),
            ("ghcr.io", "x.ghcr.io", false),
            ("ghcr.io:5000", "ghcr.io", false),
            ("ghcr.io:5000", "ghcr.io:5000", true),
            ("ghcr.io:443", "ghcr.io", true),
            ("*", "evil.example", true),
            ("*", "evil.example:22", false),
            ("*", "10.0.0.1", false),
            ("*", "[fe80::1]", false),
            ("10.0.0.1", "10.0.0.1", true),
        ] {
            let (pattern, host) = (HostPattern::parse(pattern).expect(pattern), Host::parse(host).expect(host));
            assert_eq!(pattern.covers(&host), expected, "{pattern:?} {host}");
        }
    }

    #[test]
    fn a_pattern_is_a_host_or_the_names_below_one() {
        for text in ["", "*.", ".example", "a.*.example", "*example", "https://a.example", "a.example/x", "*.10.0.0.1"]
        {
            assert!(HostPattern::parse(text).is_none(), "{text}");
        }
    }
}
