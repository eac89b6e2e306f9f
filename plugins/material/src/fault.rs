//! What can be wrong with an object.

/// A kebab-case code and one sentence; neither holds anything of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// A kebab-case word.
    pub code: &'static str,
    /// One sentence.
    pub message: &'static str,
}

impl Fault {
    /// A fault of these words.
    pub const fn new(code: &'static str, message: &'static str) -> Self {
        Self { code, message }
    }
}
