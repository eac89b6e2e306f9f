//! The node's network: a bridge for pods in the node's own namespace, and a wire from there to the machine.

use super::namespaces::Namespaces;
use crate::failure::During;
use crate::{Failure, Outcome, process};
use serde::Deserialize;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

/// Addresses for tests of network devices (RFC 2544), so that no network that a machine is part of has them.
const RANGE: (Ipv4Addr, u8) = (Ipv4Addr::new(198, 18, 0, 0), 23);
/// The addresses of pods.
pub const PODS: &str = "198.18.0.0/24";
/// The addresses of Services, within the node; the control plane is told the same.
pub const SERVICES: &str = "10.96.0.0/16";
/// The node's address, on the bridge of its pods.
pub const NODE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The machine's address on the wire: where the node and its pods reach a server of the tests.
pub const HOST: Ipv4Addr = Ipv4Addr::new(198, 18, 1, 1);
/// The node's end of the wire.
const FAR: Ipv4Addr = Ipv4Addr::new(198, 18, 1, 2);
/// The machine's end of the wire, as a link.
pub const WIRE: &str = "akv2k8s-node";
/// The bridge, within the node.
pub const BRIDGE: &str = "pods";

/// A line of the machine's routing tables.
#[derive(Debug, Deserialize)]
struct Route {
    dst: String,
    #[serde(default)]
    dev: String,
}

/// Fails if the machine has a way to the node's addresses already.
pub fn check_free() -> Outcome<()> {
    let text = process::read(Command::new("ip").args(["-json", "-4", "route", "show", "table", "all"]))?;
    let routes: Vec<Route> = serde_json::from_str(&text).during("ip route")?;
    match routes.iter().find(|route| overlaps(&route.dst)) {
        None => Ok(()),
        Some(Route { dst, dev }) => Err(Failure::new(format!(
            "the tests' node needs the addresses {}/{}, and this machine has a route to {dst} by {dev}",
            RANGE.0, RANGE.1
        ))),
    }
}

/// Whether a destination shares an address with the node. The default route is everybody's.
fn overlaps(destination: &str) -> bool {
    let (address, length) = destination.split_once('/').unwrap_or((destination, "32"));
    let (Ok(address), Ok(length)) = (address.parse::<Ipv4Addr>(), length.parse::<u8>()) else {
        return false;
    };
    let mask = |length: u8| u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
    let shared = mask(length.min(RANGE.1));
    address.to_bits() & shared == RANGE.0.to_bits() & shared
}

/// Whether the machine's end of a wire is there.
pub fn wire_exists() -> bool {
    Path::new("/sys/class/net").join(WIRE).exists()
}

/// Lays the wire and makes the bridge.
pub fn make(node: &Namespaces) -> Outcome<()> {
    let pid = node.pid().to_string();
    let outside = [
        format!("link add {WIRE} type veth peer name machine netns {pid}"),
        format!("address add {HOST}/30 dev {WIRE}"),
        format!("link set {WIRE} up"),
        format!("route add {PODS} via {FAR}"),
    ];
    let inside = [
        "link set lo up".to_owned(),
        format!("address add {FAR}/30 dev machine"),
        "link set machine up".to_owned(),
        format!("link add {BRIDGE} type bridge"),
        format!("address add {NODE}/24 dev {BRIDGE}"),
        format!("link set {BRIDGE} up"),
        // A packet to a Service needs a way before it gets another address. There is none to anywhere else.
        format!("route add {SERVICES} dev {BRIDGE}"),
    ];
    // The far end is there as soon as the wire is; the route needs it to be up.
    let [first @ .., route] = &outside;
    for line in first {
        ip(Command::new("ip"), line)?;
    }
    for line in &inside {
        ip(node.command("ip"), line)?;
    }
    ip(Command::new("ip"), route)?;
    // The network is the node's own, and so is this setting.
    process::read(node.command("sh").args(["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])).map(drop)
}

fn ip(mut command: Command, line: &str) -> Outcome<()> {
    process::read(command.args(line.split(' '))).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_meets_the_nodes_addresses_is_seen() {
        for inside in ["198.18.0.0/15", "198.18.1.0/30", "198.18.0.7", "198.0.0.0/8"] {
            assert!(overlaps(inside), "{inside}");
        }
        for outside in ["default", "10.0.0.0/8", "198.18.2.0/24", "198.19.0.0/16", "127.0.0.1"] {
            assert!(!overlaps(outside), "{outside}");
        }
    }
}
