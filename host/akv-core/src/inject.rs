//! What becomes of a pod at admission: which containers are wrapped, and how.
//!
//! A pod is a JSON document here, not a type: fields that this version does not know are kept. First [`plan`] says what
//! has to be done and what must be known for it (the command lines of images, the plugins of resources); then
//! [`Plan::apply`] does it. Doing it twice is doing it once.

mod apply;
mod expansion;
mod init;
mod plan;
mod pod;

pub use apply::{ImageCommand, Knowledge};
pub use plan::{Plan, Wrap, plan};

use akv_wire::name::{EXECUTABLE, EXECUTABLE_DIR};
use serde_json::{Value, json};

/// What an administrator decides for every pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The image that holds the executable.
    pub image: String,
    /// Its pull policy.
    pub pull_policy: String,
    /// Where the executable's volume is mounted; ends with a slash.
    pub directory: String,
    /// The auth service; without it containers read the cluster and the vault themselves.
    pub service: Option<Service>,
    /// `resources` of the init container.
    pub resources: Value,
    /// `securityContext` of the init container.
    pub security: Value,
    /// Size limit of the memory volume that holds the executable.
    pub executable_size: String,
    /// Size limit of a container's memory volume of files.
    pub files_size: String,
    /// Whether the executable says where the time of a start went.
    pub debug: bool,
}

/// Where containers find the auth service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `https://NAME.NAMESPACE.svc:PORT`.
    pub url: String,
    /// DER of the root that its certificates lead to.
    pub root: Vec<u8>,
}

impl Settings {
    /// The defaults, with the original's requests. Nothing in the init container needs a privilege, so `restricted` Pod
    /// Security lets it pass.
    pub fn new(image: &str, service: Option<Service>) -> Self {
        Self {
            image: image.to_owned(),
            pull_policy: "IfNotPresent".to_owned(),
            directory: EXECUTABLE_DIR.to_owned(),
            service,
            resources: json!({"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "32Mi"}}),
            security: json!({
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "runAsNonRoot": true,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }),
            executable_size: "16Mi".to_owned(),
            files_size: "4Mi".to_owned(),
            debug: false,
        }
    }

    /// The path by which a container starts the executable.
    pub fn executable(&self) -> String {
        format!("{}{EXECUTABLE}", self.directory)
    }
}

/// Every container of a pod that can be wrapped, whatever became of it.
pub fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    pod::LISTS.into_iter().flat_map(|list| pod::items(&pod["spec"], list))
}

#[cfg(test)]
mod tests;
