//! Why no client of the vaults can be made.

use std::path::PathBuf;

use thiserror::Error;

/// Why no client can be made. Every variant names the file or variable, and none holds a secret.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A word that is no kind of authentication.
    #[error("AUTH_TYPE {0:?} is not known: use azureCloudConfig, environment or environment-azidentity")]
    AuthType(String),
    /// A variable that is needed for what the others ask for.
    #[error("{variable} is not set: {needed}")]
    Missing {
        /// Its name.
        variable: &'static str,
        /// What needs it.
        needed: &'static str,
    },
    /// A variable whose text cannot be used.
    #[error("{variable} is {text:?}: {problem}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// Its text, cut.
        text: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A file that cannot be read.
    #[error("{what} {} cannot be read: {source}", path.display())]
    Unreadable {
        /// What the file is, and which setting named it.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A file whose content cannot be used.
    #[error("{what} {}: {problem}", path.display())]
    Content {
        /// What the file is, and which setting named it.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Something that upstream took and Azure no longer does.
    #[error("{0}")]
    Refused(&'static str),
    /// The SDK or the HTTP client refused what was given.
    #[error("{what}: {problem}")]
    Library {
        /// What was being made.
        what: &'static str,
        /// The library's word.
        problem: String,
    },
}
