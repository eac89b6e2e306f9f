//! The command line: one command a file.

pub mod cases;
pub mod check;
pub mod completion;
pub mod crd;
pub mod custom;
pub mod doctor;
pub mod exit;
pub mod finding;
pub mod inspect;
pub mod legacy;
pub mod lint;
pub mod locate;
pub mod manifest;
pub mod pack;
pub mod print;
pub mod ready;
pub mod render;
pub mod structure;
pub mod values;

use clap::{Parser, Subcommand};
use exit::{CODES, Exit, Stop};
use std::io::ErrorKind;
use std::process::ExitCode;

/// Azure Key Vault objects in Kubernetes, made by sandboxed plugins.
#[derive(Debug, Parser)]
#[command(name = "akv2k8s", version, max_term_width = 80, after_help = CODES)]
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
    /// What a move from the original needs
    #[command(subcommand)]
    Legacy(legacy::LegacyCommand),
    Ready(ready::ReadyArgs),
    Doctor(doctor::DoctorArgs),
    Completion(completion::CompletionArgs),
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
        Command::Legacy(command) => legacy::run(&command),
        Command::Ready(args) => ready::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completion(args) => completion::run(&args),
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
    use super::{CODES, Cli};
    use clap::{Command, CommandFactory};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// The commands that do something, each by its whole name.
    fn leaves(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
        let mut below = command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help").peekable();
        if below.peek().is_none() {
            found.push((name.to_owned(), command.clone()));
        }
        for command in below {
            leaves(command, &format!("{name} {}", command.get_name()), found);
        }
    }

    #[test]
    fn every_command_and_flag_says_what_it_is_and_every_flag_can_come_from_the_environment() {
        let mut found = Vec::new();
        leaves(&Cli::command(), "akv2k8s", &mut found);
        assert!(found.len() >= 9, "{found:?}");
        for (name, command) in found {
            assert!(command.get_about().is_some(), "{name} does not say what it does");
            // What takes something shows it by an example and says how it ends; the others end well.
            let takes = command.get_arguments().any(|a| a.get_id() != "help" && a.get_id() != "version");
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let teaches = after.starts_with("Examples:\n") && after.contains(&name) && after.ends_with(CODES);
            assert!(!takes || teaches, "{name} shows no example, or does not say how it ends: {after}");
            for argument in command.get_arguments().filter(|a| a.get_id() != "help" && a.get_id() != "version") {
                let id = argument.get_id();
                assert!(argument.get_help().is_some(), "{name} {id} says nothing");
                let named = argument.is_positional() || id == "files" || argument.get_env().is_some();
                assert!(named, "{name} {id} cannot come from the environment");
            }
        }
    }
    #[test]
    fn what_runs_for_long_takes_every_setting_from_the_environment_too() {
        let mut found = Vec::new();
        leaves(&Cli::command(), "akv2k8s", &mut found);
        let long = found.iter().filter(|(name, _)| ["controller", "webhook", "run"].iter().any(|l| name.ends_with(l)));
        let mut seen = 0;
        for (name, command) in long {
            for argument in command.get_arguments().filter(|a| a.get_id() != "help") {
                let id = argument.get_id();
                assert!(argument.get_env().is_some_and(|name| !name.is_empty()), "{name} {id} has no variable");
                assert!(argument.get_help().is_some_and(|help| help.to_string().len() > 5), "{name} {id} says nothing");
                seen += 1;
            }
        }
        assert!(seen > 90, "{seen}");
    }

    #[test]
    fn the_help_of_every_command_fits_80_columns() {
        fn check(command: &mut Command, name: &str) {
            for help in [command.render_help(), command.render_long_help()] {
                for line in help.to_string().lines() {
                    assert!(line.chars().count() <= 80, "{name}: {line}");
                }
            }
            for below in command.get_subcommands_mut() {
                let name = format!("{name} {}", below.get_name());
                check(below, &name);
            }
        }
        let mut command = Cli::command();
        command.build();
        check(&mut command, "akv2k8s");
    }
}
