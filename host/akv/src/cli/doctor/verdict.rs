//! What a check says.

use serde::Serialize;

/// How something is, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It could not be looked at.
    Unknown,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Failure,
}

impl State {
    /// Every one, in their order.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Unknown, Self::Warning, Self::Failure];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What was looked at, in one word.
    pub topic: &'static str,
    /// How it is.
    pub state: State,
    /// What was seen: what is wrong, and why as far as that can be said.
    pub cause: String,
    /// What to do, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// A command that does it, or shows more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Verdict {
    /// As it should be.
    pub fn ok(topic: &'static str, seen: impl Into<String>) -> Self {
        Self { topic, state: State::Ok, cause: seen.into(), fix: None, command: None }
    }

    /// It works, and somebody should look at it.
    pub fn warning(topic: &'static str, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { topic, state: State::Warning, cause: cause.into(), fix: Some(fix.into()), command: None }
    }

    /// It does not work.
    pub fn failure(topic: &'static str, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { topic, state: State::Failure, cause: cause.into(), fix: Some(fix.into()), command: None }
    }

    /// It could not be looked at.
    pub fn unknown(topic: &'static str, cause: impl Into<String>, fix: Option<String>) -> Self {
        Self { topic, state: State::Unknown, cause: cause.into(), fix, command: None }
    }

    /// The same with a command.
    pub fn run(self, command: impl Into<String>) -> Self {
        Self { command: Some(command.into()), ..self }
    }
}

/// The first of many, in words: `a, b, c and 4 more`.
pub fn first_of(names: &[String]) -> String {
    const NAMED: usize = 3;
    match names.len().checked_sub(NAMED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..NAMED].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::first_of;

    #[test]
    fn many_names_are_a_few_and_a_number() {
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        assert_eq!(first_of(&names), "a, b, c and 2 more");
        assert_eq!(first_of(&names[..3]), "a, b, c");
        assert_eq!(first_of(&names[..1]), "a");
    }
}
