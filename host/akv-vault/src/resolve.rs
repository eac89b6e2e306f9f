//! Names to addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

/// The system's resolver; names below `.localhost` are this machine, unless the hosts file says otherwise.
///
/// RFC 6761 section 6.3 says so, and that no name server is asked; browsers and curl do so, glibc does not. Who has written
/// such a name into the hosts file means that, as a pod whose vault is on the machine of its node.
pub(crate) struct Resolver;

const HOSTS: &str = "/etc/hosts";

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
                let known = addresses(&tokio::fs::read_to_string(HOSTS).await.unwrap_or_default(), &host);
                let both = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                let found = if known.is_empty() { both } else { known };
                // Port 0 stands for the URL's own.
                return Ok(Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs);
            }
            let found = tokio::net::lookup_host((host.as_str(), 0)).await.map(Iterator::collect::<Vec<_>>);
            match found {
                Ok(found) => Ok(Box::new(found.into_iter()) as Addrs),
                Err(source) => Err(Unresolved { host, source }.into()),
            }
        })
    }
}

/// The addresses that a hosts file has for a name: `ADDRESS NAME...`, with comments after `#`.
fn addresses(hosts: &str, name: &str) -> Vec<IpAddr> {
    let name = name.trim_end_matches('.');
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let found = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    });
    found.collect()
}

fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_is_read_as_it_is_written() {
        let hosts = "127.0.0.1 localhost # a.localhost\n198.51.100.7\tb.vault.localhost B2.localhost\n::1 b.vault.localhost\njunk c\n";
        let both: [IpAddr; 2] = ["198.51.100.7".parse().expect("an address"), "::1".parse().expect("an address")];
        assert_eq!(addresses(hosts, "b.vault.localhost."), both);
        assert_eq!(addresses(hosts, "b2.LOCALHOST"), both[..1]);
        assert_eq!(addresses(hosts, "a.localhost"), Vec::<IpAddr>::new());
        assert_eq!(addresses(hosts, "c"), Vec::<IpAddr>::new());
    }

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
