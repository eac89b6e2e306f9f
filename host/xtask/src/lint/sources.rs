//! Our own Rust files.

use crate::failure::During;
use crate::{Outcome, layout};
use std::path::{Path, PathBuf};

/// A Rust file of ours.
pub struct Source {
    /// Relative to the checkout.
    pub path: String,
    /// Its text, without the module of its own tests.
    pub text: String,
}

/// Every Rust file of ours that is not itself a test module, in the order of its path.
pub fn all() -> Outcome<Vec<Source>> {
    let root = layout::root();
    let mut paths = Vec::new();
    for dir in ["host", "plugins", "tests", "examples"] {
        collect(&root.join(dir), &mut paths);
    }
    paths.sort();
    let mut sources = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).during(path.display())?;
        let relative = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        sources.push(Source { path: relative, text: without_tests(&text).to_owned() });
    }
    Ok(sources)
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            // A module called `tests` is its parent's test module, whatever its depth; the crate `tests` is not below another.
            if name != "target" && name != "tests" {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|ext| ext == "rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// The text before `#[cfg(test)] mod tests {`, which stands last in a file.
pub fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}
