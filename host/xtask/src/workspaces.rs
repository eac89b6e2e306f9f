//! The Rust workspaces of this repository: the host, the default plugins, and each example that is one.

use crate::layout;
use std::path::{Path, PathBuf};

/// A workspace of ours.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// For labels and names of logs.
    pub name: String,
    /// Where its Cargo.toml lies.
    pub dir: PathBuf,
    /// Where it is built, so that no command builds it a second time elsewhere.
    pub target: PathBuf,
}

/// Every workspace.
pub fn all() -> Vec<Workspace> {
    let host = Workspace { name: "host".to_owned(), dir: layout::root(), target: layout::target() };
    std::iter::once(host).chain(plugins()).chain(examples()).collect()
}

/// The default plugins.
pub fn plugins() -> Option<Workspace> {
    let dir = layout::root().join("plugins");
    let target = layout::target().join("plugins");
    dir.join("Cargo.toml").exists().then(|| Workspace { name: "plugins".to_owned(), dir, target })
}

/// The examples that are, or hold, a workspace. They share a target: they are small and use the same crates.
pub fn examples() -> Vec<Workspace> {
    let root = layout::root().join("examples");
    let folders = layout::folders(&root).into_iter();
    let dirs = folders.flat_map(|example| std::iter::once(example.clone()).chain(layout::folders(&example)));
    let workspace =
        |dir: PathBuf| Workspace { name: name(&root, &dir), dir, target: layout::target().join("examples") };
    dirs.filter(|dir| dir.join("Cargo.toml").exists()).map(workspace).collect()
}

fn name(root: &Path, dir: &Path) -> String {
    dir.strip_prefix(root).unwrap_or(dir).display().to_string().replace('/', "-")
}
