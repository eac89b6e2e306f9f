//! The Rust target of plugins.

use super::rust_target;
use crate::Outcome;

/// Installs the target if the toolchain lacks it.
pub fn ensure() -> Outcome<()> {
    rust_target::ensure("wasm32-unknown-unknown")
}
