//! What a node needs of the machine: Linux, root, and a handful of Debian's packages.

use super::debian;
use crate::{Failure, Outcome, process};
use std::path::Path;

/// A package, and the files of which one shows that it is there, whoever installed it.
const NEEDED: [(&str, &[&str]); 7] = [
    ("containerd", &["/usr/bin/containerd", "/usr/local/bin/containerd"]),
    ("runc", &["/usr/sbin/runc", "/usr/bin/runc", "/usr/local/sbin/runc"]),
    ("containernetworking-plugins", &["/usr/lib/cni/bridge", "/opt/cni/bin/bridge"]),
    ("iptables", &["/usr/sbin/iptables", "/sbin/iptables"]),
    ("conntrack", &["/usr/sbin/conntrack", "/usr/bin/conntrack"]),
    ("iproute2", &["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"]),
    ("util-linux", &["/usr/bin/unshare"]),
];

/// Why this machine can have no node, if it cannot; one line.
pub fn obstacle() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("a node runs on Linux only".to_owned());
    }
    if !rustix::process::geteuid().is_root() {
        return Some("a node needs root: run it as `sudo -E cargo xtask …`".to_owned());
    }
    let missing = missing();
    (!missing.is_empty() && !process::available("apt-get"))
        .then(|| format!("a node needs {}, and there is no apt-get to install it", missing.join(", ")))
}

/// Installs what is missing. Fails with [`obstacle`] where that cannot be done.
pub fn ensure() -> Outcome<()> {
    if let Some(obstacle) = obstacle() {
        return Err(Failure::new(obstacle));
    }
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let label = format!("Debian packages {}", missing.join(" "));
    debian::install("node", &label, &missing)
}

fn missing() -> Vec<&'static str> {
    let lacks = |files: &[&str]| !files.iter().any(|file| Path::new(file).exists());
    NEEDED.iter().filter(|(_, files)| lacks(files)).map(|(package, _)| *package).collect()
}
