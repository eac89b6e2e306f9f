//! What can be wrong with an object.

/// A kebab-case code and one sentence; neither holds anything of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// A kebab-case word.
    pub code: &'static str,
    /// One sentence.
    pub message: &'static str,
    /// Line and column in a text, both counted from one.
    pub place: Option<(usize, usize)>,
}

impl Fault {
    /// A fault of these words.
    pub const fn new(code: &'static str, message: &'static str) -> Self {
        Self { code, message, place: None }
    }

    /// The same at this line and column.
    pub const fn at(self, line: usize, column: usize) -> Self {
        Self { place: Some((line, column)), ..self }
    }
}
