//! `cargo xtask test`: everything that a change must pass, tier by tier, with a table at the end.

pub mod count;
pub mod report;
mod tiers;

use crate::setup::{in_ci, wasm_target};
use crate::{Failure, Outcome};
use clap::ValueEnum;
use report::Report;
use std::time::Instant;

/// What to run.
#[derive(Debug, Clone, clap::Args)]
pub struct TestArgs {
    /// Only these tiers
    #[arg(value_enum, value_name = "TIER")]
    tiers: Vec<Tier>,
}

/// A group of tests that need the same things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// Formatting, clippy, licences, layers, generated files, documentation, sizes
    Lint,
    /// Every crate's own tests, without a cluster
    Unit,
    /// The Helm charts as Helm renders them, without a cluster
    Chart,
    /// The default plugins: native tests, and the components built from them
    Plugins,
    /// The product against a real API server
    It,
    /// The product on a node, where pods run; needs root on Linux
    E2e,
    /// Microsoft's Python SDK against the local vault
    Oracle,
    /// The examples, built as their readers would
    Examples,
}

impl Tier {
    /// Its word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lint => "lint",
            Self::Unit => "unit",
            Self::Chart => "chart",
            Self::Plugins => "plugins",
            Self::It => "it",
            Self::E2e => "e2e",
            Self::Oracle => "oracle",
            Self::Examples => "examples",
        }
    }
}

impl TestArgs {
    /// Runs the tiers; fails if anything failed, and in CI if anything was skipped.
    pub fn run(&self) -> Outcome<()> {
        let wanted = if self.tiers.is_empty() { Tier::value_variants() } else { &self.tiers };
        // Go builds on beside cargo; whoever needs the control plane waits for it.
        let cluster = wanted.iter().any(|tier| matches!(tier, Tier::It | Tier::E2e));
        let cluster = cluster.then(crate::setup::cluster_binary::begin);
        wasm_target::ensure()?;
        let mut needs = tiers::Needs { cluster };
        let mut report = Report::default();
        for tier in wanted {
            eprintln!("--    {}", tier.as_str());
            let began = Instant::now();
            let counts = tiers::run(*tier, &mut needs);
            report.add(*tier, counts, began.elapsed());
        }
        println!("{}", report.table());
        println!("{}", report.last_line());
        if report.is_good(in_ci()) {
            Ok(())
        } else {
            Err(Failure::new("not everything passed; the logs are in target/xtask"))
        }
    }
}
