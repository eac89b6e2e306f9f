//! Licences, sources and banned crates, by cargo-deny and `.deny.toml`.

use crate::process::{run, run_quietly};
use crate::setup::deny;
use crate::{Outcome, layout};
use std::path::Path;
use std::process::Command;

/// Runs cargo-deny. Its database of advisories lies on a server that not every machine reaches; then that part is left out and said.
pub fn check() -> Outcome<bool> {
    let program = deny::ensure()?;
    let ok = run("deny", "licences, sources, banned crates", deny(&program).args(["bans", "licenses", "sources"]))?.ok;
    let advisories = run_quietly("deny-advisories", deny(&program).arg("advisories").env("GIT_TERMINAL_PROMPT", "0"))?;
    let unreachable = advisories.output.contains("failed to fetch advisory database")
        || advisories.output.contains("failed to load advisory database");
    match (advisories.ok, unreachable) {
        (true, _) => eprintln!("ok    advisories"),
        (false, true) => eprintln!("      advisories were not looked at: their database cannot be reached from here"),
        (false, false) => {
            eprintln!("FAIL  advisories");
            advisories.show();
        }
    }
    Ok(ok && (advisories.ok || unreachable))
}

fn deny(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(layout::root()).args(["--config", ".deny.toml", "check", "--hide-inclusion-graph"]);
    command
}
