//! The command line: one command a file.

pub mod cases;
pub mod check;
pub mod crd;
pub mod custom;
pub mod exit;
pub mod finding;
pub mod inspect;
pub mod lint;
pub mod locate;
pub mod manifest;
pub mod pack;
pub mod print;
pub mod render;
pub mod structure;
pub mod values;

use clap::{Parser, Subcommand};
use exit::{CODES, Exit, Stop};
use std::io::ErrorKind;
use std::process::ExitCode;

/// Azure Key Vault objects in Kubernetes, made by sandboxed plugins.
#[derive(Debug, Parser)]
#[command(name = "akv2k8s", version, after_help = CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Controller(Box<crate::controller::ControllerArgs>),
    Webhook(Box<crate::webhook::WebhookArgs>),
    Run(Box<crate::run::RunArgs>),
    Render(render::RenderArgs),
    Lint(lint::LintArgs),
    /// Look at a plugin, run its cases, make a component of a core module
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// The CustomResourceDefinitions
    #[command(subcommand)]
    Crd(crd::CrdCommand),
    /// Print the version
    Version,
    /// Compile a component from stdin to stdout, in a process with limits; the program starts itself so
    #[command(hide = true)]
    CompilePlugin,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    Inspect(inspect::InspectArgs),
    Test(cases::TestArgs),
    Pack(pack::PackArgs),
}

/// Parses the command line, runs the command, and says how it ended.
pub fn main() -> ExitCode {
    // clap prints and ends with 2, as our own usage errors do.
    let cli = Cli::parse();
    let ended = match cli.command {
        Command::CompilePlugin => return akv_plugin::compile_stdin_to_stdout(),
        Command::Controller(args) => until_stopped(crate::controller::run(*args)),
        Command::Webhook(args) => until_stopped(crate::webhook::run(*args)),
        Command::Run(args) => until_stopped(crate::run::run(*args)),
        Command::Render(args) => render::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Plugin(PluginCommand::Inspect(args)) => inspect::run(&args),
        Command::Plugin(PluginCommand::Test(args)) => cases::run(&args),
        Command::Plugin(PluginCommand::Pack(args)) => pack::run(&args),
        Command::Crd(command) => crd::run(&command),
        Command::Version => print::line(&format!("akv2k8s {}", env!("CARGO_PKG_VERSION"))),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(stop) => {
            eprintln!("akv2k8s: {}", stop.message);
            stop.exit.into()
        }
    }
}

/// Runs a part that ends by a signal.
fn until_stopped<E: std::fmt::Display>(part: impl Future<Output = Result<(), E>>) -> Result<Exit, Stop> {
    block_on(part)?.map(|()| Exit::Ok).map_err(|error| Stop::wrong(error.to_string()))
}

/// Runs what is async.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    Ok(runtime.map_err(|e| Stop::wrong(format!("no threads could be started: {e}")))?.block_on(work))
}

/// What printing to stdout gave. A reader that has seen enough (`head`) is no error.
pub fn printed(result: std::io::Result<()>) -> Result<(), Stop> {
    match result {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Stop::wrong(format!("stdout: {e}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        super::Cli::command().debug_assert();
    }
}
