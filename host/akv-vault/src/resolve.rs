//! Names to addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

/// The system's resolver, except that names below `.localhost` are this machine.
///
/// RFC 6761 section 6.3 says so, browsers and curl do so, glibc does not.
pub(crate) struct Resolver;

/// A name without an address.
#[derive(Debug, Error)]
#[error("{host} does not resolve: {source}")]
pub(crate) struct Unresolved {
    host: String,
    source: std::io::Error,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            if is_loopback(&host) {
                let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                return Ok(Box::new(both.map(|ip| SocketAddr::new(ip, 0)).into_iter()) as Addrs);
            }
            // Port 0 stands for the URL's own.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            let found = found.map(Iterator::collect::<Vec<_>>);
            found.map(|found| Box::new(found.into_iter()) as Addrs).map_err(|source| Unresolved { host, source }.into())
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_below_localhost_are_this_machine() {
        for (host, expected) in [
            ("localhost", true),
            ("demo.vault.LOCALHOST.", true),
            ("localhost.example.org", false),
            ("notlocalhost", false),
            ("demo.vault.azure.net", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }
}
