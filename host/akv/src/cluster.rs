//! The client of the API server.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::{Path, PathBuf};
use std::time::Duration;
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
    /// Nobody said which cluster.
    #[error("no cluster is known: {0}; name a kubeconfig by --kubeconfig or KUBECONFIG")]
    Unknown(#[source] kube::config::InferConfigError),
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

/// Who waits in front of a terminal waits no longer for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client for a person: the kubeconfig that was named, which may be a list of files as `kubectl` takes it, else
/// `$HOME/.kube/config`, else the cluster that the process runs in.
pub async fn client_of_person(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Client, ClusterError> {
    let mut config = match (kubeconfig, context) {
        (None, None) => Config::infer().await.map_err(ClusterError::Unknown)?,
        (named, context) => {
            let refuse = |e| ClusterError::Kubeconfig(named.unwrap_or(Path::new("~/.kube/config")).to_owned(), e);
            let read = match named {
                Some(list) => merged(list),
                None => Kubeconfig::read(),
            };
            let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
            Config::from_custom_kubeconfig(read.map_err(refuse)?, &options).await.map_err(refuse)?
        }
    };
    (config.connect_timeout, config.read_timeout) = (Some(PATIENCE), Some(PATIENCE));
    Client::try_from(config).map_err(ClusterError::Client)
}

/// The first file wins where two say something different.
fn merged(list: &Path) -> Result<Kubeconfig, kube::config::KubeconfigError> {
    let files = std::env::split_paths(list).filter(|file| !file.as_os_str().is_empty());
    files.map(Kubeconfig::read_from).reduce(|first, next| first?.merge(next?)).unwrap_or_else(Kubeconfig::read)
}
