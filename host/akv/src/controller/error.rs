//! What ends a controller.

use super::digest_key;
use std::path::PathBuf;
use thiserror::Error;

/// Why the controller could not start, or ended.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// There is no client of the API server.
    #[error("{0}")]
    Cluster(#[from] crate::cluster::ClusterError),
    /// Settings of the identity are no good.
    #[error("{0}")]
    Vault(#[source] akv_vault::SettingsError),
    /// The policy is no good.
    #[error("--vault-access-policy {0}: {1}")]
    Policy(PathBuf, String),
    /// The label selector is no good.
    #[error("--object-labels {0:?} is not a list of equalities such as team=a,env=prod")]
    Labels(String),
    /// A namespace is needed.
    #[error("--runtime-namespace must name the namespace of this process: {0}")]
    Namespace(&'static str),
    /// The filter of the log is no good.
    #[error("--log-level: {0}")]
    Log(String),
    /// The default plugins could not be loaded.
    #[error("the default plugins could not be loaded: {0}")]
    Plugins(String),
    /// A port is taken.
    #[error("port {1} of {0} could not be opened: {2}")]
    Port(std::net::IpAddr, u16, #[source] std::io::Error),
    /// The digest key could not be read or made.
    #[error("the Secret {name} could not be read or made: {0}", name = digest_key::SECRET_NAME)]
    DigestKey(#[source] kube::Error),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] std::io::Error),
}
