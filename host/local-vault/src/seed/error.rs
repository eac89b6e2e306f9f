//! What is wrong with a seed: file, line, path, and what to do.

use super::lines::Lines;
use std::path::PathBuf;

/// Why a seed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file.
    #[error("{file}: {source}; name a seed, such as examples/vault.yaml", file = file.display())]
    Unreadable {
        /// What was named.
        file: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Not the YAML that is expected.
    #[error("{0}; see examples/vault.yaml for every field")]
    Yaml(String),
    /// What it says cannot be; one line for each fault.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
    /// An identity is named that the seed does not have.
    #[error("{file}: there is no identity {name:?}; name one of its `identities`: {known}")]
    NoIdentity {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
        /// The seed.
        file: String,
    },
}

impl SeedError {
    pub(super) fn yaml(file: &str, error: &serde_yaml_ng::Error) -> Self {
        let place = error.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
        Self::Yaml(format!("{file}{place}: {}", without_value(&error.to_string())))
    }
}

/// Takes out the value that the parser quotes when its type is wrong: it may be a secret's.
fn without_value(message: &str) -> String {
    let wrong = ["invalid type: ", "invalid value: "].iter().find_map(|kind| Some(message.find(kind)? + kind.len()));
    let expected = message.rfind(", expected ");
    match (wrong, expected) {
        (Some(from), Some(to)) if from < to => {
            let found = message[from..to].split(['`', '"']).next().unwrap_or_default().trim_end();
            format!("{}{found}{}", &message[..from], &message[to..])
        }
        _ => message.to_owned(),
    }
}

/// Where a seed comes from.
#[derive(Clone, Default)]
pub(super) struct Origin {
    pub(super) file: String,
    pub(super) lines: Lines,
}

impl Origin {
    pub(super) fn problem(&self, path: &str, problem: &str) -> String {
        format!("{}:{}: {path}: {problem}", self.file, self.lines.at(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_parser_does_not_quote_a_value() {
        let check = |message: &str, expected: &str| assert_eq!(without_value(message), expected);
        check(
            "vaults[0].secrets[0].nbf: invalid type: string \"canary\", expected i64 at line 6 column 14",
            "vaults[0].secrets[0].nbf: invalid type: string, expected i64 at line 6 column 14",
        );
        check("x: unknown field `valu`, expected one of `name`", "x: unknown field `valu`, expected one of `name`");
    }
}
