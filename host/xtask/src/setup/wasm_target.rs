//! The Rust target of plugins.

use crate::{Failure, Outcome, process};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

/// Installs the target if the toolchain lacks it.
pub fn ensure() -> Outcome<()> {
    let sysroot = process::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    if std::path::Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).exists() {
        return Ok(());
    }
    if !process::available("rustup") {
        return Err(Failure::new(format!(
            "the Rust toolchain lacks {TARGET}, and there is no rustup to add it: install the target by the way that Rust was installed"
        )));
    }
    process::must_run(
        "rustup-target",
        &format!("Rust target {TARGET}"),
        Command::new("rustup").args(["target", "add", TARGET]),
    )?;
    Ok(())
}
