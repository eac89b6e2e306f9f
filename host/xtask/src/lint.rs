//! `cargo xtask lint`: what can be said of the code without running it.

pub mod exposed;
pub mod layers;
pub mod licences;
pub mod sources;
pub mod yardstick;

use crate::process::{cargo, run};
use crate::test::count::Counts;
use crate::workspaces::{self, Workspace};
use crate::{Failure, Outcome, generate};
use clap::ValueEnum;

/// What to look at.
#[derive(Debug, Clone, clap::Args)]
pub struct LintArgs {
    /// Only these checks
    #[arg(value_enum, value_name = "CHECK")]
    checks: Vec<Check>,
}

/// One thing that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Check {
    /// rustfmt on every workspace
    Fmt,
    /// clippy on every workspace, warnings denied
    Clippy,
    /// rustdoc, warnings denied
    Doc,
    /// What is generated from the code is as the code says
    Generated,
    /// Licences, sources, banned crates, advisories
    Deny,
    /// Who may depend on whom
    Layers,
    /// How long files are
    Yardstick,
    /// Where secret values are laid open; a list that never fails
    Exposed,
}

impl LintArgs {
    /// Runs the checks; fails if one failed.
    pub fn run(&self) -> Outcome<()> {
        let counts = counts(if self.checks.is_empty() { Check::value_variants() } else { &self.checks })?;
        println!("{} passed, {} failed", counts.passed, counts.failed);
        if counts.failed == 0 { Ok(()) } else { Err(Failure::new("lint failed; the logs are in target/xtask")) }
    }
}

/// Runs checks and counts them.
pub fn counts(checks: &[Check]) -> Outcome<Counts> {
    let mut counts = Counts::default();
    for check in checks {
        for ok in look(*check)? {
            counts.add(Counts::one(ok));
        }
    }
    Ok(counts)
}

fn look(check: Check) -> Outcome<Vec<bool>> {
    Ok(match check {
        Check::Fmt => {
            in_each_workspace("fmt", "formatting of", &["fmt", "--all", "--", "--check", "--color", "never"])?
        }
        Check::Clippy => {
            let mut ok = in_each_workspace(
                "clippy",
                "clippy on",
                &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
            )?;
            // `--all-targets` leaves out what a plain `cargo test` does. Of one package alone, other features would be chosen.
            let mut it = cargo();
            it.args(["clippy", "--workspace", "--test", "cluster", "--test", "e2e", "--test", "chart"]);
            it.args(["--test", "install", "--", "-D", "warnings"]);
            ok.push(run("clippy-it", "clippy on the integration tests", &mut it)?.ok);
            ok
        }
        Check::Doc => {
            let mut doc = cargo();
            doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
            vec![run("doc", "documentation", &mut doc)?.ok]
        }
        Check::Generated => vec![generate::check()?.ok],
        Check::Deny => vec![licences::check()?],
        Check::Layers => vec![layers::check()?],
        Check::Yardstick => vec![yardstick::check()?],
        Check::Exposed => {
            exposed::list()?;
            Vec::new()
        }
    })
}

fn in_each_workspace(check: &str, label: &str, args: &[&str]) -> Outcome<Vec<bool>> {
    let one = |workspace: Workspace| {
        let mut command = cargo();
        command.args(args).current_dir(&workspace.dir).env("CARGO_TARGET_DIR", &workspace.target);
        run(&format!("{check}-{}", workspace.name), &format!("{label} {}", workspace.name), &mut command)
            .map(|ran| ran.ok)
    };
    workspaces::all().into_iter().map(one).collect()
}

/// Prints a check that has no log: what was found, if it is bad.
fn say(name: &str, faults: &[String]) -> bool {
    eprintln!("{} {name}", if faults.is_empty() { "ok   " } else { "FAIL " });
    for fault in faults {
        eprintln!("      {fault}");
    }
    faults.is_empty()
}
