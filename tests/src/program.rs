//! The programs as `cargo build` leaves them, beside the running test.

use std::path::PathBuf;
use std::process::Command;

/// The path of a program of ours.
///
/// # Panics
/// If it has not been built.
pub fn path(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("a running test knows its own file");
    // target/debug/deps/it-…, or target/debug/demo.
    let dir = here.ancestors().skip(1).find(|dir| !dir.ends_with("deps")).map(PathBuf::from).unwrap_or_default();
    let program = dir.join(name);
    assert!(
        program.exists(),
        "{} is not there; `cargo build --bins` or `cargo xtask test it` builds it",
        program.display()
    );
    program
}

/// A command of ours that sees nothing of the tester's own Azure account and cluster.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(path(name));
    for (variable, _) in std::env::vars_os() {
        let text = variable.to_string_lossy();
        if ["AZURE_", "MSI_", "IDENTITY_", "KUBE", "IMDS_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&variable);
        }
    }
    command
}
