//! Names to addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

/// The system's resolver; names below `.localhost` that it does not know are this machine.
///
/// RFC 6761 section 6.3 says so, browsers and curl do so, glibc does not. Who has written such a name into the hosts file
/// means that, as a pod whose vault is on the machine of its node.
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
            // Port 0 stands for the URL's own.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await.map(Iterator::collect::<Vec<_>>);
            match found {
                Ok(found) if !found.is_empty() => Ok(Box::new(found.into_iter()) as Addrs),
                _ if is_loopback(&host) => {
                    let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                    Ok(Box::new(both.map(|ip| SocketAddr::new(ip, 0)).into_iter()) as Addrs)
                }
                Ok(_) => Err(Unresolved { host, source: std::io::Error::other("no address") }.into()),
                Err(source) => Err(Unresolved { host, source }.into()),
            }
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
