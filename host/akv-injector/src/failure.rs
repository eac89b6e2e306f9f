//! One line that says what is wrong and what to do; never a value.

use akv_wire::name::TERMINATION_LOG;
use std::process::ExitCode;

/// The kubelet takes so much of a termination message.
const LONGEST: usize = 2048;

/// Why the application was not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// A failure of ours; the container ends with status 1, as the original's does.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// The command cannot be run; `code` is what a shell ends with.
    pub fn of_command(message: impl Into<String>, code: u8) -> Self {
        Self { message: message.into(), code }
    }

    /// Says it on stderr and where the kubelet takes the reason of an end from.
    pub fn report(&self) -> ExitCode {
        // Some words are others': nothing in them may steer a terminal, or fill the log.
        let shown = self.message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST);
        let line = shown.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        eprintln!("azure-keyvault-env: {line}");
        // Outside a container there is none, and an image may make it somebody else's.
        if std::path::Path::new(TERMINATION_LOG).exists() {
            let _written = std::fs::write(TERMINATION_LOG, format!("azure-keyvault-env: {line}"));
        }
        ExitCode::from(self.code)
    }
}
