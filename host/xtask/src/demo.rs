//! `cargo xtask demo`: puts in place what the demo needs, then hands over to the program `demo` of the tests.

use crate::process::cargo;
use crate::setup::{cluster_binary, wasm_target};
use crate::{Failure, Outcome, layout, setup};
use std::process::Command;

/// How to run the demo.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// Leave everything running until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Install the charts on a node where pods run, instead; needs root on Linux
    #[arg(long)]
    node: bool,
}

impl DemoArgs {
    /// Builds the programs and runs the demo, whose output is the command's. The control plane may still be under
    /// construction then: the demo shows first what needs none.
    pub fn run(&self) -> Outcome<()> {
        if self.node {
            setup::node::ensure()?;
        }
        let cluster = cluster_binary::begin();
        wasm_target::ensure()?;
        let mut build = cargo();
        build.args(["build", "--workspace", "--bins"]);
        crate::process::must_run("build-demo", "akv2k8s, local-vault and the demo", &mut build)?;
        let mut demo = Command::new(layout::program("demo"));
        let flags = [("--keep", self.keep), ("--node", self.node)];
        demo.args(flags.iter().filter(|(_, given)| *given).map(|(flag, _)| flag));
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
