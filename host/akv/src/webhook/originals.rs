//! Whom `legacyPods` serves: pods that the original admitted.

use akv_authority::Peers;
use tokio::sync::Semaphore;

/// The plain port asks for no certificate, so it may ask the API server for so many pods at a time.
const TOGETHER: usize = 8;

/// How such a pod is known.
pub struct Originals {
    /// Who shows a certificate of the original's authority.
    pub peers: Peers,
    /// When the installation began, in Unix seconds. Younger pods are ours.
    pub installed: i64,
    /// Looks at pods at the same time.
    pub looks: Semaphore,
}

impl Originals {
    /// For certificates that `peers` accepts and pods that are older than `installed`.
    pub fn new(peers: Peers, installed: i64) -> Self {
        Self { peers, installed, looks: Semaphore::new(TOGETHER) }
    }
}
