//! `cargo xtask demo`: puts in place what the demo needs, then hands over to the program `demo` of the tests.

use crate::process::cargo;
use crate::setup::{cluster_binary, wasm_target};
use crate::{Failure, Outcome, layout};
use std::process::Command;

/// How to run the demo.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// What is passed on to the demo, such as --keep
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    passed_on: Vec<String>,
}

impl DemoArgs {
    /// Builds the programs and runs the demo, whose output is the command's. The control plane may still be under
    /// construction then: the demo shows first what needs none.
    pub fn run(&self) -> Outcome<()> {
        let cluster = cluster_binary::begin();
        wasm_target::ensure()?;
        let mut build = cargo();
        build.args(["build", "--workspace", "--bins"]);
        crate::process::must_run("build-demo", "akv2k8s, local-vault and the demo", &mut build)?;
        let mut demo = Command::new(layout::program("demo"));
        demo.args(&self.passed_on);
        let status = demo.status().map_err(|error| Failure::new(format!("the demo could not be started: {error}")))?;
        // A failed build of the control plane is the likely reason, and says more.
        let built = cluster.wait();
        if status.success() {
            Ok(())
        } else {
            Err(built.err().unwrap_or_else(|| Failure::new("the demo failed; see above")))
        }
    }
}
