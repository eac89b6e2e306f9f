//! What every sync shares.

use super::index::TargetIndex;
use super::leader::Leadership;
use super::leaving::Leaving;
use super::metrics::Metrics;
use super::plugins::PluginStore;
use akv_core::policy::Policy;
use akv_vault::VaultClient;
use kube::Client;
use kube::runtime::events::Recorder;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Everything that a sync needs besides the resource.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// Whether this process may write.
    pub leadership: Leadership,
    /// Key Vault.
    pub vault: VaultClient,
    /// The default plugins and the administrator's.
    pub plugins: PluginStore,
    /// Which namespace may use which vault.
    pub policy: Policy,
    /// Which targets carry whose hand.
    pub index: TargetIndex,
    /// Counters.
    pub metrics: Metrics,
    /// Events.
    pub recorder: Recorder,
    /// The poll period; zero turns polling off.
    pub interval: Duration,
    /// The key of the digests in status.
    pub digest_key: Zeroizing<Vec<u8>>,
    /// Plugin calls at the same time: they are CPU-bound, and memory mapping does not scale over threads.
    pub calls: Semaphore,
    /// The other resources of a namespace, for key conflicts.
    pub resources: kube::runtime::reflector::Store<akv_api::AzureKeyVaultSecret>,
    /// What is remembered of each resource, by uid.
    pub memory: Memories,
    /// Resources that are gone and whose targets are not left yet.
    pub leaving: Leaving,
}

/// Plugin calls that may run at the same time.
pub fn calls() -> Semaphore {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new((cores / 2).max(1))
}

/// See [`Memory`].
pub type Memories = Mutex<HashMap<String, Memory>>;

/// What is remembered of a resource between two looks; never a value.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The generation that was looked at.
    pub generation: Option<i64>,
    /// Labels and annotations of the resource, which go to the target.
    pub metadata: u64,
    /// The plugins that were used, by digest and settings.
    pub plugins: u64,
    /// When the vault is read again.
    pub next_read: Option<Instant>,
    /// Failures in a row.
    pub failures: u32,
    /// Whether the last look ended well.
    pub well: bool,
    /// The digest of each target as it was left.
    pub targets: Vec<super::outcome::Written>,
}

impl Context {
    /// What is remembered of the resource with this uid.
    pub fn recall(&self, uid: &str) -> Option<Memory> {
        self.memory().get(uid).cloned()
    }

    /// Remembers.
    pub fn remember(&self, uid: &str, memory: Memory) {
        self.memory().insert(uid.to_owned(), memory);
    }

    /// Forgets a resource that is gone, and whatever else is no longer in the store.
    pub fn forget_gone(&self) {
        let alive: std::collections::HashSet<String> =
            self.resources.state().iter().filter_map(|r| r.metadata.uid.clone()).collect();
        self.memory().retain(|uid, _| alive.contains(uid));
    }

    fn memory(&self) -> MutexGuard<'_, HashMap<String, Memory>> {
        // Each change is one insert or remove, so the map is whole even if a holder panicked.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
