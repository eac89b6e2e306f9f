//! What plugins return, and whose fault it is when they do not.

use crate::{PluginName, SecretValue};
use akv_api::reason;

/// One entry of a target: a key of a Secret or ConfigMap, a file, or a variable.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key, checked by the runtime against the target's syntax.
    pub key: String,
    /// Its bytes.
    pub value: SecretValue,
}

/// Who has to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The author of the resource: permanent until it is edited.
    Config,
    /// The vault object: permanent until it changes.
    Input,
    /// The plugin itself: a trap, a limit, a broken promise.
    Plugin,
}

impl Blame {
    /// The word for metrics and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Input => "input",
            Self::Plugin => "plugin",
        }
    }
}

/// Why a plugin gave no result. It never holds text that a plugin made beside a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFault {
    /// Which plugin.
    pub plugin: PluginName,
    /// Whose fault.
    pub blame: Blame,
    /// A kebab-case word, at most 64 characters.
    pub code: String,
    /// A JSON pointer into the config, an alias, or a path with line and column.
    pub at: Option<String>,
    /// For people; only from `check` and `needs`, where no value is in reach, or from the host itself.
    pub message: Option<String>,
}

impl PluginFault {
    /// The reason that a condition gives it.
    pub fn reason(&self) -> &'static str {
        match (self.blame, self.code.as_str()) {
            (_, "plugin-not-found") => reason::PLUGIN_NOT_FOUND,
            (_, "plugin-not-ready") => reason::PLUGIN_NOT_READY,
            (Blame::Config, _) => reason::INVALID_CONFIG,
            (Blame::Input, _) => reason::INVALID_INPUT,
            (Blame::Plugin, _) => reason::PLUGIN_FAILED,
        }
    }
}

impl std::fmt::Display for PluginFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "plugin {}: {}", self.plugin, self.code)?;
        // The whole of a config has an empty pointer.
        if let Some(at) = self.at.as_ref().filter(|at| !at.is_empty()) {
            write!(f, " at {at}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}
