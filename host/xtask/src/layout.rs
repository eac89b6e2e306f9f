//! Where things lie: the checkout, what is built, and the cache that outlives a checkout.

use crate::failure::During;
use crate::{Failure, Outcome};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn root() -> PathBuf {
    // host/xtask is two folders below the root.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where the commands keep their logs.
pub fn logs() -> PathBuf {
    target().join("xtask")
}

/// A program of ours, as `cargo build` leaves it.
pub fn program(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// What is dear to make and does not depend on the checkout: `AKV2K8S_CACHE`, or `~/.cache/akv2k8s`.
pub fn cache() -> Outcome<PathBuf> {
    if let Some(dir) = std::env::var_os("AKV2K8S_CACHE") {
        return Ok(dir.into());
    }
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let base = base.or(home).ok_or_else(|| Failure::new("no place for the cache: set AKV2K8S_CACHE or HOME"))?;
    Ok(base.join("akv2k8s"))
}

/// The first 16 hexadecimal digits of SHA-256 over the contents of `files`, one after the other.
pub fn digest(files: &[PathBuf]) -> Outcome<String> {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).during(file.display())?);
    }
    let mut digits = hex::encode(hash.finalize());
    digits.truncate(16);
    Ok(digits)
}

/// The folders directly below `dir`, sorted; none if there is no such folder.
pub fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

/// The files directly below `dir` whose name ends in `.ext`, sorted; none if there is no such folder.
pub fn files(dir: &Path, ext: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == ext)).collect();
    found.sort();
    found
}
