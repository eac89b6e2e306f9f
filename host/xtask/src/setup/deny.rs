//! cargo-deny, which looks at licences, sources and banned crates.

use super::cached;
use crate::{Outcome, process};
use std::path::PathBuf;

const VERSION: &str = "0.20.2";

/// Builds cargo-deny if it is not in the cache, and says where it is.
pub fn ensure() -> Outcome<PathBuf> {
    let place = cached(&format!("cargo-deny-{VERSION}"), |made| {
        let mut install = process::cargo();
        // A debug build: it is made once per machine and runs for a second.
        install.args(["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--root"]).arg(made);
        // A target directory given from outside would collect its 400 crates.
        install.env_remove("CARGO_TARGET_DIR");
        process::must_run("install-cargo-deny", "cargo-deny, built once per machine", &mut install).map(drop)
    })?;
    Ok(place.join("bin/cargo-deny"))
}
