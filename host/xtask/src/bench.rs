//! `cargo xtask bench`: release builds, a load, and numbers beside their goals.

use crate::process::cargo;
use crate::setup::static_program::{self, Arch, INJECTOR};
use crate::setup::{cluster_binary, wasm_target};
use crate::{Failure, Outcome, layout, process};
use std::path::PathBuf;
use std::process::Command;

/// Where the numbers go.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// Write the records {name, value, unit, goal} as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure one section only: plugins, executable, admission, herd or controller
    #[arg(long, value_parser = ["plugins", "executable", "admission", "herd", "controller"], value_name = "SECTION")]
    only: Option<String>,
    /// How many pods the herd has
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5000), value_name = "N")]
    pods: u32,
}

impl BenchArgs {
    /// Builds what is measured and runs the bench program of the tests, whose output is the command's.
    pub fn run(&self) -> Outcome<()> {
        let cluster = cluster_binary::begin();
        wasm_target::ensure()?;
        let mut build = cargo();
        build.args(["build", "--release", "--workspace", "--bins"]);
        process::must_run("build-release", "release builds", &mut build)?;
        cluster.wait()?;
        static_program::build("akv-injector", "azure-keyvault-env", Arch::native(), INJECTOR)?;
        let mut bench = Command::new(layout::target().join("release/bench"));
        bench.args(["--pods", &self.pods.to_string()]);
        if let Some(section) = &self.only {
            bench.args(["--only", section]);
        }
        if let Some(file) = &self.json {
            bench.arg("--json").arg(std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        }
        let status =
            bench.status().map_err(|error| Failure::new(format!("the bench could not be started: {error}")))?;
        if status.success() { Ok(()) } else { Err(Failure::new("a goal was missed, or the bench failed; see above")) }
    }
}
