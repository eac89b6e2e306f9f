//! How the program ends.

use std::process::ExitCode;

/// The end of a command, from best to worst; a command that does several things ends as the worst of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything is as it should be.
    Ok = 0,
    /// Something is wrong with a resource or a plugin.
    Wrong = 1,
    /// The command line or a file that it names is wrong.
    Usage = 2,
    /// A vault or the token service did not give what was asked for.
    Vault = 3,
}

/// The codes, as a literal.
macro_rules! codes {
    () => {
        "Exit codes:
  0  everything is as it should be
  1  something is wrong with a resource, a plugin or an installation
  2  the command line, or a file that it names, is wrong
  3  a vault or the token service did not give what was asked for"
    };
}
pub(crate) use codes;

/// The end of a command's help: examples, then how it ends.
macro_rules! after_help {
    ($examples:literal) => {
        concat!("Examples:\n", $examples, "\n\n", $crate::cli::exit::codes!())
    };
}
pub(crate) use after_help;

/// The codes, for the end of the whole program's help.
pub const CODES: &str = codes!();

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that could not do its work: what to print on stderr, and how to end.
#[derive(Debug)]
pub struct Stop {
    /// How to end.
    pub exit: Exit,
    /// One sentence: what went wrong, where, what to do.
    pub message: String,
}

impl Stop {
    /// The command line, or a file that it names, is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// A resource, a plugin or the API server is in the way.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self { exit: Exit::Wrong, message: message.into() }
    }

    /// A vault is in the way.
    pub fn vault(message: impl Into<String>) -> Self {
        Self { exit: Exit::Vault, message: message.into() }
    }
}
