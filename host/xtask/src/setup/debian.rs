//! Packages of Debian, installed where we are root and the machine has them.

use crate::process;
use crate::{Failure, Outcome};
use std::path::Path;
use std::process::Command;

/// Installs the package that brings a program, if there is no such program.
pub fn ensure(program: &str, package: &str) -> Outcome<()> {
    bring(process::available(program), program, package)
}

/// Installs the package that brings a file, if there is no such file.
pub fn ensure_file(file: &str, package: &str) -> Outcome<()> {
    bring(Path::new(file).exists(), file, package)
}

fn bring(is_there: bool, what: &str, package: &str) -> Outcome<()> {
    if is_there {
        return Ok(());
    }
    if rustix::process::geteuid().is_root() && process::available("apt-get") {
        return install(package, &format!("Debian package {package}"), &[package]);
    }
    Err(Failure::new(format!("there is no {what}; on Debian: apt-get install {package}")))
}

/// Installs packages.
pub fn install(log: &str, label: &str, packages: &[&str]) -> Outcome<()> {
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    process::must_run("apt-update", "package lists", &mut apt(&["update"]))?;
    let mut wanted = vec!["install", "-y", "--no-install-recommends"];
    wanted.extend(packages);
    process::must_run(&format!("apt-install-{log}"), label, &mut apt(&wanted)).map(drop)
}
