//! A host with its port, as an image name, a setting or a URL says it.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// The port of plain HTTP.
const PLAIN: u16 = 80;

/// A host in lower case and a port. Only [`Host::parse`] makes one, so it can hold no path, no user and no space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Reads `host` or `host:port`; the host is a DNS name, an IPv4 address or an IPv6 address in brackets.
    ///
    /// A host that a URL would read as another one is refused: `127.1`, `0x7f000001` and `2130706433` are all loopback to
    /// a URL, and names of DNS to everything that only looks at the text.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 255 {
            return None;
        }
        let text = text.to_ascii_lowercase();
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(self::port(port)?)),
            _ => (text.as_str(), None),
        };
        let written = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
            None => name.split('.').all(label),
        };
        if !written {
            return None;
        }
        let url = Url::parse(&format!("https://{name}/")).ok()?;
        // Of an IPv6 address any spelling will do, and the usual one is kept; all else must be what the URL makes of it.
        let usual = url.host_str().filter(|usual| *usual == name || name.starts_with('['))?;
        Some(Self { name: usual.to_owned(), port })
    }

    /// The host of a URL; nothing if it has none, or one that is not written as [`Host::parse`] wants it.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let name = url.host_str()?;
        // A URL forgets the usual port, and that of plain HTTP is not the usual one here.
        let port = url.port().or((url.scheme() == "http").then_some(PLAIN));
        Self::parse(&port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}")))
    }

    /// The name, an IPv6 address in brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if one was written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether both are the same host when they speak plain HTTP.
    pub(crate) fn is_same_plain(&self, other: &Self) -> bool {
        self.name == other.name && self.port.unwrap_or(PLAIN) == other.port.unwrap_or(PLAIN)
    }

    /// The address, if the host is one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.name.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn port(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten().filter(|port| *port > 0)
}

/// A label of a DNS name, as the grammar of image names has it: no underscore.
fn label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !text.is_empty() && text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_in_one_way() {
        for (text, expected) in [
            ("Registry.Example.org", Some("registry.example.org")),
            ("registry:5000", Some("registry:5000")),
            ("127.0.0.1:443", Some("127.0.0.1:443")),
            ("[::1]:5000", Some("[::1]:5000")),
            ("[::ffff:127.0.0.1]", None),
            ("[::ffff:7f00:1]", Some("[::ffff:7f00:1]")),
            ("[0:0::FFFF:7f00:1]:80", Some("[::ffff:7f00:1]:80")),
            ("::1", None),
            ("127.1", None),
            ("2130706433", None),
            ("0x7f000001", None),
            ("0x7f.0.0.1", None),
            ("0177.0.0.1", None),
            ("127.0.0.01", None),
            ("1.2.3.256", None),
            ("registry:0", None),
            ("registry:65536", None),
            ("registry:+80", None),
            ("registry:", None),
            ("user@registry", None),
            ("registry/x", None),
            ("registry..org", None),
            ("registry.", None),
            ("-a.example", None),
            ("a_b.example", None),
            ("bücher.example", None),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("", None),
        ] {
            assert_eq!(Host::parse(text).map(|host| host.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_address_is_seen_as_one() {
        for (text, address) in [("10.0.0.1", Some("10.0.0.1")), ("[fe80::1]:80", Some("fe80::1")), ("a.example", None)]
        {
            let host = Host::parse(text).expect("a host");
            assert_eq!(host.address().map(|ip| ip.to_string()).as_deref(), address, "{text}");
        }
    }
}
