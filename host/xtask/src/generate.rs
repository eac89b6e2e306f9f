//! `cargo xtask generate`: writes again what is generated from the code and committed.
//!
//! Every generated file has a test whose path contains `generated`; with `BLESS=1` such a test writes what it would
//! otherwise compare. So a file and its check cannot drift apart.

#[cfg(test)]
mod plugins;

use crate::process::{Ran, cargo, must_run, run};
use crate::test::count::Counts;
use crate::{Failure, Outcome};
use std::process::Command;

fn tests() -> Command {
    let mut command = cargo();
    command.args(["test", "--workspace", "--tests", "--", "generated"]);
    command
}

/// Writes the files.
pub fn run_generate() -> Outcome<()> {
    let ran = must_run("generate", "generated files", tests().env("BLESS", "1"))?;
    let written = Counts::of_libtest(&ran.output).passed;
    if written == 0 {
        return Err(Failure::new("no test is called `generated`, so nothing was written"));
    }
    println!("{written} groups of generated files are current; `git status` shows what changed");
    Ok(())
}

/// Runs the same tests as a check.
pub fn check() -> Outcome<Ran> {
    let mut ran = run("generated", "generated files are current", &mut tests())?;
    if ran.ok && Counts::of_libtest(&ran.output).passed == 0 {
        eprintln!("FAIL  no test is called `generated`: the check would pass without looking");
        ran.ok = false;
    }
    Ok(ran)
}
