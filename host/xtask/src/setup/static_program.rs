//! Programs of ours that need nothing of the system that they run on, for images that hold nothing else.

use super::{debian, rust_target};
use crate::process::{self, cargo};
use crate::{Outcome, layout};
use std::path::PathBuf;
use std::process::Command;

/// The profile of what runs in other people's images.
pub const INJECTOR: &str = "injector";

/// A processor that programs are built for, in the words of images, which are Go's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Arch {
    /// x86-64
    Amd64,
    /// 64-bit Arm
    Arm64,
}

impl Arch {
    /// The machine's own.
    pub fn native() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::Amd64 }
    }

    /// Its word in images.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The Rust target whose programs are linked statically.
    pub fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }

    /// GNU's word, with which the names of its compilers begin.
    fn gnu(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }
}

/// Builds the program `name` of a package, and says where it is. Cargo knows when there is nothing to do.
pub fn build(package: &str, name: &str, arch: Arch, profile: &str) -> Outcome<PathBuf> {
    let target = arch.target();
    rust_target::ensure(target)?;
    let mut command = cargo();
    command.args(["build", "--profile", profile, "--target", target, "--package", package, "--bin", name]);
    command.args(["--config", &flags(target)]);
    // ring and zstd have parts in C, which need a C library's headers.
    if arch == Arch::native() {
        debian::ensure("musl-gcc", "musl-tools")?;
    } else {
        across(&mut command, package, arch)?;
    }
    process::must_run(&format!("build-{name}-static"), &format!("{name}, linked statically"), &mut command)?;
    // Cargo's own name for the folder of the profile `dev`.
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(layout::target().join(target).join(folder).join(name))
}

/// Paths in the program's messages do not say on whose machine it was built, and so are the same everywhere.
fn flags(target: &str) -> String {
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let places = [(home.unwrap_or_default(), "/cargo"), (layout::root().display().to_string(), "/akv2k8s")];
    let known = places.iter().filter(|(from, _)| !from.is_empty());
    let flags: Vec<_> = known.map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect();
    // JSON's lists of texts are TOML's.
    format!("target.{target}.rustflags={}", serde_json::json!(flags))
}

/// For another processor: GNU's compiler for what is C, whose headers of another C library declare the same functions, Rust's
/// own linker, and the compiler of plugins for that processor.
fn across(command: &mut Command, package: &str, arch: Arch) -> Outcome<()> {
    let (target, compiler) = (arch.target(), format!("{}-linux-gnu-gcc", arch.gnu()));
    let package_of_debian = format!("gcc-{}-linux-gnu", arch.gnu().replace('_', "-"));
    debian::ensure(&compiler, &package_of_debian)?;
    let headers = format!("/usr/{}-linux-gnu/include/stdint.h", arch.gnu());
    debian::ensure_file(&headers, &format!("libc6-dev-{}-cross", arch.as_str()))?;
    command.env(format!("CC_{}", target.replace('-', "_")), compiler);
    command.args(["--config", &format!("target.{target}.linker=\"rust-lld\"")]);
    if package != "akv-probe" {
        command.args(["--features", "akv-defaults/cross"]);
    }
    Ok(())
}
