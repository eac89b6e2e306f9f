//! What ends a webhook.

use super::authority::KeeperError;
use crate::cluster::ClusterError;
use std::net::IpAddr;
use thiserror::Error;

/// Why the webhook could not start, or ended.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// A flag is no good.
    #[error("{0}: {1}")]
    Flag(&'static str, String),
    /// There is no client of the API server.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// Settings of the identity are no good.
    #[error("{0}")]
    Vault(#[from] akv_vault::SettingsError),
    /// Settings of registries are no good.
    #[error("{0}")]
    Registry(String),
    /// The filter of the log is no good.
    #[error("--log-level: {0}")]
    Log(String),
    /// The default plugins could not be loaded.
    #[error("the default plugins could not be loaded: {0}")]
    Plugins(String),
    /// A port is taken.
    #[error("port {1} of {0} could not be opened: {2}")]
    Port(IpAddr, u16, #[source] std::io::Error),
    /// There are no certificates.
    #[error("{0}")]
    Keeper(#[from] KeeperError),
    /// A certificate could not be made.
    #[error("{0}")]
    Authority(#[from] akv_authority::AuthorityError),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] std::io::Error),
}
