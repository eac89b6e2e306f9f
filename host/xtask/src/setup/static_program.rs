//! Programs of ours that need nothing of the system that they run on, for images that hold nothing else.

use super::{node, rust_target};
use crate::process::{self, cargo};
use crate::{Failure, Outcome, layout};
use std::path::PathBuf;

/// The profile of what runs in other people's images.
const PROFILE: &str = "injector";

/// The target whose programs are linked statically.
pub fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Builds the program `name` of a package, and says where it is. Cargo knows when there is nothing to do.
pub fn build(package: &str, name: &str) -> Outcome<PathBuf> {
    let target = target();
    rust_target::ensure(&target)?;
    compiler()?;
    let mut command = cargo();
    command.args(["build", "--profile", PROFILE, "--target", &target, "--package", package, "--bin", name]);
    process::must_run(&format!("build-{name}-static"), &format!("{name}, linked statically"), &mut command)?;
    Ok(layout::target().join(&target).join(PROFILE).join(name))
}

/// ring has parts in C, which need musl's headers.
fn compiler() -> Outcome<()> {
    if process::available("musl-gcc") {
        return Ok(());
    }
    if rustix::process::geteuid().is_root() && process::available("apt-get") {
        return node::install("musl", "Debian package musl-tools", &["musl-tools"]);
    }
    Err(Failure::new("there is no musl-gcc, which a static program needs; on Debian: apt-get install musl-tools"))
}
