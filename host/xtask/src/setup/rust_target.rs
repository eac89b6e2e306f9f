//! Targets of the Rust toolchain.

use crate::{Failure, Outcome, process};
use std::process::Command;

/// Installs a target if the toolchain lacks it.
pub fn ensure(target: &str) -> Outcome<()> {
    let sysroot = process::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    if std::path::Path::new(sysroot.trim()).join("lib/rustlib").join(target).exists() {
        return Ok(());
    }
    if !process::available("rustup") {
        return Err(Failure::new(format!(
            "the Rust toolchain lacks {target}, and there is no rustup to add it: install the target by the way that Rust was installed"
        )));
    }
    process::must_run(
        "rustup-target",
        &format!("Rust target {target}"),
        Command::new("rustup").args(["target", "add", target]),
    )?;
    Ok(())
}
