//! `cargo xtask lint`: what can be said of the code without running it.

pub mod exposed;
pub mod layers;
pub mod licences;
pub mod sources;
pub mod yardstick;

use crate::process::{Ran, cargo, run};
use crate::test::count::Counts;
use crate::{Failure, Outcome, generate, layout};
use std::path::PathBuf;

/// Runs every check; fails if one failed.
pub fn run_lint() -> Outcome<()> {
    let counts = counts()?;
    println!("{} passed, {} failed", counts.passed, counts.failed);
    if counts.failed == 0 {
        Ok(())
    } else {
        Err(Failure::new("lint failed; the logs are in target/xtask"))
    }
}

/// Runs every check and counts them.
pub fn counts() -> Outcome<Counts> {
    let mut counts = Counts::default();
    let mut ran = |ran: Ran| counts.add(Counts::one(ran.ok));
    for (name, dir) in workspaces() {
        let mut fmt = cargo();
        ran(run(
            &format!("fmt-{name}"),
            &format!("formatting of {name}"),
            fmt.args(["fmt", "--all", "--check"]).current_dir(&dir),
        )?);
    }
    for (name, dir) in workspaces() {
        let mut clippy = cargo();
        clippy
            .args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])
            .current_dir(&dir);
        clippy.env("CARGO_TARGET_DIR", target_of(&name));
        ran(run(
            &format!("clippy-{name}"),
            &format!("clippy on {name}"),
            &mut clippy,
        )?);
    }
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    ran(run("doc", "documentation", &mut doc)?);
    ran(generate::check()?);
    for ok in [licences::check()?, layers::check()?, yardstick::check()?] {
        counts.add(Counts::one(ok));
    }
    exposed::list()?;
    Ok(counts)
}

/// Our workspaces by name: the host, the default plugins, and every example that is one.
fn workspaces() -> Vec<(String, PathBuf)> {
    let root = layout::root();
    let mut found = vec![("host".to_owned(), root.clone())];
    let others =
        std::iter::once(root.join("plugins")).chain(layout::folders(&root.join("examples")));
    for dir in others.filter(|dir| dir.join("Cargo.toml").exists()) {
        let name = dir
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        found.push((name, dir));
    }
    found
}

/// The same folders that the tiers build into, so that nothing is built twice.
fn target_of(workspace: &str) -> PathBuf {
    match workspace {
        "host" => layout::target(),
        "plugins" => layout::target().join("plugins"),
        _ => layout::target().join("examples"),
    }
}

/// Prints a check that has no log: what was found, if it is bad.
fn say(name: &str, faults: &[String]) -> bool {
    eprintln!(
        "{} {name}",
        if faults.is_empty() { "ok   " } else { "FAIL " }
    );
    for fault in faults {
        eprintln!("      {fault}");
    }
    faults.is_empty()
}
