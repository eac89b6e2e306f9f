//! Which addresses no registry may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Networks that are nobody's registry, each with what it is; RFC 6890 and its registries list most.
const REFUSED: [(&str, &str); 16] = [
    ("0.0.0.0/8", "this host"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local or a metadata service"),
    // The platform's own address in every Azure network, and its like in two other clouds.
    ("168.63.129.16/32", "Azure's platform"),
    ("100.100.100.200/32", "a metadata service"),
    ("192.0.0.0/24", "a protocol"),
    ("224.0.0.0/4", "a group of hosts"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "this host"),
    ("::1/128", "loopback"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "a group of hosts"),
    ("fd00:ec2::254/128", "a metadata service"),
    // Teredo hides an IPv4 address in a way that is not worth reading, and no registry is behind it.
    ("2001::/32", "a tunnel"),
    ("100::/64", "discarded"),
];

/// What an installation says of addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Networks {
    /// What overrides every refusal.
    pub(crate) allowed: Vec<IpNet>,
    /// Ranges of Services and pods, and others of the installation.
    pub(crate) refused: Vec<IpNet>,
}

impl Networks {
    /// What is wrong with an address; nothing if a connection may be made to it.
    ///
    /// An IPv6 address that stands for an IPv4 address must be allowed as both.
    pub(crate) fn fault(&self, address: IpAddr) -> Option<&'static str> {
        let one = |address: IpAddr| {
            if self.allowed.iter().any(|network| network.contains(&address)) {
                return None;
            }
            if self.refused.iter().any(|network| network.contains(&address)) {
                return Some("one of the cluster's own ranges");
            }
            let fixed = REFUSED.iter().find(|(network, _)| {
                // The list is ours and a test reads all of it; what could not be read would refuse everything.
                network.parse::<IpNet>().map_or(true, |network| network.contains(&address))
            });
            fixed.map(|(_, what)| *what)
        };
        let inner = match address {
            IpAddr::V6(outer) => embedded(outer).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        // For a mapped address the outer form is only a spelling.
        match (address, inner) {
            (IpAddr::V6(outer), Some(inner)) if outer.to_ipv4_mapped().is_some() => one(inner),
            _ => one(address).or_else(|| inner.and_then(one)),
        }
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 (RFC 6052, RFC 8215) and 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bytes = address.octets();
    let four = |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0xffff | 0, high, _] if high != 0 || segments[5] != 0 => Some(four(12)),
        [0x64, 0xff9b, 0 | 1, ..] => Some(four(12)),
        [0x2002, ..] => Some(four(2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(networks: &Networks, address: &str, free: bool) {
        let fault = networks.fault(address.parse().expect("an address"));
        assert_eq!(fault.is_none(), free, "{address}: {fault:?}");
    }

    #[test]
    fn the_list_can_be_read() {
        for (network, _) in REFUSED {
            network.parse::<IpNet>().expect(network);
        }
    }

    #[test]
    fn addresses_of_machines_and_metadata_are_refused_in_every_spelling() {
        let none = Networks::default();
        for address in [
            "127.0.0.1",
            "127.255.0.9",
            "0.0.0.0",
            "169.254.169.254",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:1::1",
        ] {
            check(&none, address, false);
        }
        for address in ["20.0.0.1", "10.1.2.3", "2603:1030::1", "::ffff:20.0.0.1", "64:ff9b::1400:1", "fd12::1"] {
            check(&none, address, true);
        }
    }

    #[test]
    fn the_clusters_ranges_are_refused_unless_listed() {
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a network")).collect();
        let networks =
            Networks { allowed: list(&["10.0.5.7/32", "::1/128"]), refused: list(&["10.0.0.0/16", "fd00:10::/64"]) };
        for (address, free) in [
            ("10.0.0.1", false),
            ("10.1.0.1", true),
            ("10.0.5.7", true),
            ("::ffff:10.0.5.7", true),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("fd00:10::9", false),
            ("fd00:11::9", true),
            ("::1", true),
            ("127.0.0.1", false),
        ] {
            check(&networks, address, free);
        }
    }
}
