//! Why there is no keystore.

/// Whose fault, a stable word, where, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose fault.
    pub blame: Blame,
    /// A kebab-case word.
    pub code: &'static str,
    /// A JSON pointer into the config, or the alias of an object.
    pub at: Option<String>,
    /// For people; never made from a value.
    pub message: String,
}

/// Who has to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The author of the resource.
    Config,
    /// The vault object.
    Input,
}

impl Fault {
    /// The config at `pointer` is wrong.
    pub fn config(code: &'static str, pointer: &str, message: impl Into<String>) -> Self {
        Self { blame: Blame::Config, code, at: Some(pointer.to_owned()), message: message.into() }
    }

    /// The object `alias` cannot be used.
    pub fn input(code: &'static str, alias: &str, message: impl Into<String>) -> Self {
        Self { blame: Blame::Input, code, at: Some(alias.to_owned()), message: message.into() }
    }
}
