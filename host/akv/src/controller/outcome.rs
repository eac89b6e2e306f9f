//! What came of one look at one resource.

use super::targets::TargetKind;
use akv_api::reason;
use akv_core::target::Refusal;
use akv_core::{Fault, PluginFault, VaultObject};
use akv_plugin::render::Faults;
use akv_vault::VaultError;
use std::time::Duration;

/// What the API server writes in place of a value.
const REDACTED: &str = "<secret contents redacted>";

/// Something that kept a target from being current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A word of `akv_api::reason`.
    pub reason: &'static str,
    /// One sentence; never a value. It must not change from try to try, or every try would write a status.
    pub message: String,
    /// When the vault asked to come back.
    pub retry_after: Option<Duration>,
}

impl Trouble {
    /// The same with the path of the resource that it is about.
    pub fn at(self, path: &str) -> Self {
        Self { message: format!("{path}: {}", self.message), ..self }
    }
}

/// One target that is as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Secret or ConfigMap.
    pub kind: TargetKind,
    /// Its name.
    pub name: String,
    /// The keys that the resource owns.
    pub keys: Vec<String>,
    /// Keyed digest of their content.
    pub digest: String,
    /// Whether this look wrote it.
    pub now: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What stands in the way; empty when all is well.
    pub troubles: Vec<Trouble>,
    /// Whether the trouble is that nothing could be read.
    pub read_failed: bool,
    /// What is accepted and does nothing, or will not last.
    pub warnings: Vec<String>,
    /// What was read, if everything was. The private parts are gone by then.
    pub objects: Option<Vec<VaultObject>>,
    /// The targets that are current.
    pub written: Vec<Written>,
}

impl Outcome {
    /// Whether every target was looked at and is current.
    pub fn complete(&self) -> bool {
        self.troubles.is_empty()
    }

    /// The message of a resource in which all is well. It names targets, so it changes only with the resource.
    pub fn summary(&self) -> String {
        if self.written.is_empty() {
            return "no target is asked for; pods may use it".to_owned();
        }
        let names: Vec<String> = self.written.iter().map(|w| format!("{} {:?}", w.kind.as_str(), w.name)).collect();
        format!("{} is current", names.join(" and "))
    }
}

impl From<VaultError> for Trouble {
    fn from(error: VaultError) -> Self {
        Self { reason: error.reason(), message: error.to_string(), retry_after: error.retry_after() }
    }
}

/// A plugin's fault at a path of the resource.
impl From<(&str, PluginFault)> for Trouble {
    fn from((path, fault): (&str, PluginFault)) -> Self {
        Self { reason: fault.reason(), message: format!("{path}: {fault}"), retry_after: None }
    }
}

/// What plugins found wrong, each with its path.
pub fn troubles(faults: Faults) -> Vec<Trouble> {
    faults.into_iter().map(|(path, fault)| Trouble::from((path.as_str(), fault))).collect()
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self { reason: fault.reason, message: fault.to_string(), retry_after: None }
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self { reason: refusal.reason, message: refusal.message, retry_after: None }
    }
}

impl From<kube::Error> for Trouble {
    fn from(error: kube::Error) -> Self {
        // The API server's texts name fields and rules. Where one is about a value, it says that it left the value out,
        // and goes on with what its parser stumbled over: a letter of it.
        let message = match &error {
            kube::Error::Api(status) => {
                let said = status.message.split_once(REDACTED).map_or(status.message.as_str(), |(before, _)| before);
                format!("the API server refused the target: {}", said.trim_end_matches([' ', '"', ':']))
            }
            kube::Error::HyperError(_) | kube::Error::Service(_) => "the API server could not be reached".to_owned(),
            // Its text may quote what was sent or answered.
            _ => "a request about the target could not be made, or its answer not be read; this is a defect of akv2k8s, please report it with this resource".to_owned(),
        };
        Self { reason: reason::TARGET_REFUSED, message, retry_after: None }
    }
}
