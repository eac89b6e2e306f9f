//! The client of the API server.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The kubeconfig is no good.
    #[error("kubeconfig {0}: {1}")]
    Kubeconfig(PathBuf, #[source] kube::config::KubeconfigError),
    /// No kubeconfig, and not in a pod.
    #[error("this is no pod of a cluster ({0}); outside a cluster, name a kubeconfig by --kubeconfig or KUBECONFIG")]
    InCluster(#[source] kube::config::InClusterError),
    /// The client could not be made.
    #[error("the client of the API server could not be made: {0}")]
    Client(#[source] kube::Error),
}

/// A client of the API server: the kubeconfig that was named, else the cluster that the process runs in.
pub async fn client(kubeconfig: Option<&Path>) -> Result<Client, ClusterError> {
    let config = match kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path).map_err(|e| ClusterError::Kubeconfig(path.to_owned(), e))?;
            Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
                .await
                .map_err(|e| ClusterError::Kubeconfig(path.to_owned(), e))?
        }
        None => Config::incluster().map_err(ClusterError::InCluster)?,
    };
    Client::try_from(config).map_err(ClusterError::Client)
}
