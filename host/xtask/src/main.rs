//! `cargo xtask …`: the commands of the project.

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use xtask::bench::BenchArgs;
use xtask::cluster::command::ClusterCommand;
use xtask::demo::DemoArgs;
use xtask::image::command::ImageArgs;
use xtask::lint::LintArgs;
use xtask::release::ReleaseArgs;
use xtask::test::TestArgs;
use xtask::{Outcome, generate};

/// The commands of the project
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: XtaskCommand,
}

#[derive(Subcommand)]
enum XtaskCommand {
    /// See the product work: a vault, a cluster, a Secret that follows
    Demo(DemoArgs),
    /// Everything that a change must pass, tier by tier
    Test(TestArgs),
    /// A Kubernetes control plane that stays, for trying things out
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// The images of the product, built without a container engine
    Image(ImageArgs),
    /// What takes too long for every change: two builds from nothing, and programs of another processor
    Release(ReleaseArgs),
    /// Measure, and print each number beside its goal
    Bench(BenchArgs),
    /// Write again what is generated from the code and committed
    Generate,
    /// Formatting, clippy, licences, layers, generated files, documentation, sizes
    Lint(LintArgs),
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: XtaskCommand) -> Outcome<()> {
    match command {
        XtaskCommand::Demo(args) => args.run(),
        XtaskCommand::Test(args) => args.run(),
        XtaskCommand::Cluster(command) => command.run(),
        XtaskCommand::Image(args) => args.run(),
        XtaskCommand::Release(args) => args.run(),
        XtaskCommand::Bench(args) => args.run(),
        XtaskCommand::Generate => generate::run_generate(),
        XtaskCommand::Lint(args) => args.run(),
    }
}
