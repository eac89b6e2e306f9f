//! Runs Helm as `tests/helm` pins it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The folder of a chart.
pub fn chart(name: &str) -> PathBuf {
    xtask::layout::root().join("charts").join(name)
}

/// What Helm said: stdout, or stderr where it failed.
///
/// # Panics
/// If there is no Helm.
pub fn helm(args: &[&str], input: &str) -> Result<String, String> {
    static HELM: OnceLock<PathBuf> = OnceLock::new();
    let helm = HELM.get_or_init(|| xtask::setup::helm::ensure().unwrap_or_else(|error| panic!("{error}")));
    let mut command = Command::new(helm);
    // Its caches and settings would lie in the home of whoever runs the tests.
    for (variable, folder) in [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
    {
        command.env(variable, xtask::layout::target().join("helm").join(folder));
    }
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("helm starts");
    // Dropped at once: Helm reads to the end. What ends early says why on stderr.
    let _read = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let out = child.wait_with_output().expect("helm ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if out.status.success() { Ok(text(out.stdout)) } else { Err(text(out.stderr)) }
}
