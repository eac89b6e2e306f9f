//! What the parser has to say, gathered while it goes on.

use crate::{Fault, Warning};
use akv_api::reason;
use akv_api::rule::Rule;

/// Faults and warnings in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl Findings {
    /// Records a fault at `path` unless the rule is kept; gives back whether it is.
    pub fn keep(&mut self, rule: &Rule, path: impl Into<String>, kept: bool) -> bool {
        if !kept {
            self.say(path, rule.sentence.to_owned());
        }
        kept
    }

    /// Records a fault if a list is longer than the schema allows, in the API server's words.
    pub fn at_most(&mut self, path: &str, found: usize, bound: usize) {
        if found > bound {
            self.say(path, format!("must have at most {bound} items"));
        }
    }

    /// Records a fault that no rule of the API server words.
    pub fn say(&mut self, path: impl Into<String>, message: String) {
        self.faults.push(Fault { path: path.into(), reason: reason::INVALID_SPEC, message });
    }

    /// Records something that is accepted and does not do what its author may think.
    pub fn warn(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(Warning { path: path.into(), message: message.into() });
    }

    /// The warnings, if there is no fault.
    pub fn into_result(self) -> Result<Vec<Warning>, Vec<Fault>> {
        if self.faults.is_empty() { Ok(self.warnings) } else { Err(self.faults) }
    }
}
