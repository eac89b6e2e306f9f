//! `akv2k8s completion`: what a shell needs to complete our commands.

use super::exit::{Exit, Stop, after_help};
use super::{Cli, printed};
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

/// Print what a shell needs to complete commands and flags
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # now, in bash
  source <(akv2k8s completion bash)
  # in every fish
  akv2k8s completion fish > ~/.config/fish/completions/akv2k8s.fish"
))]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &CompletionArgs) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "akv2k8s", &mut script);
    printed(std::io::stdout().lock().write_all(&script))?;
    Ok(Exit::Ok)
}
