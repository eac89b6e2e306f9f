//! Puts in place what the commands need, once, in a cache that outlives the checkout; says what it does.

pub mod cluster_binary;
pub mod deny;
pub mod oracle;
pub mod wasm_target;

use crate::failure::During;
use crate::{Outcome, layout};
use std::path::{Path, PathBuf};

/// Whether this run is the project's CI, where nothing may be skipped.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1")
}

/// A path in the cache, and whether it is there already.
fn cached(name: &str) -> Outcome<(PathBuf, bool)> {
    let dir = layout::cache()?;
    std::fs::create_dir_all(&dir).during(dir.display())?;
    let path = dir.join(name);
    let there = path.exists();
    Ok((path, there))
}

/// Moves what was made at `made` to its place in the cache in one step, so that a build cut short leaves nothing half.
fn keep(made: &Path, place: &Path) -> Outcome<()> {
    std::fs::rename(made, place).during(place.display())
}
