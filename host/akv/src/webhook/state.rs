//! What every handler shares.

use super::args::Uninjectable;
use super::authority::Authority;
use super::metrics::Metrics;
use super::originals::Originals;
use super::registries::Registries;
use crate::controller::plugins::PluginStore;
use akv_api::AzureKeyVaultSecret;
use akv_core::auth::{Limits, Pace};
use akv_core::inject::Settings;
use akv_core::policy::Policy;
use akv_vault::VaultClient;
use kube::Client;
use kube::runtime::reflector::{ObjectRef, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

/// All of it; handlers hold it by [`Shared`].
pub struct State {
    /// The API server.
    pub client: Client,
    /// What becomes of pods.
    pub injection: Settings,
    /// What becomes of those that cannot be injected.
    pub uninjectable: Uninjectable,
    /// The label of namespaces with injection.
    pub label: (String, String),
    /// The default plugins and the administrator's.
    pub plugins: PluginStore,
    /// Every resource, for the plugins that it uses.
    pub resources: Store<AzureKeyVaultSecret>,
    /// Who is asked for the commands of images.
    pub registries: Registries,
    /// Which namespace may use which vault.
    pub policy: Policy,
    /// Key Vault, by the injector's own identity; none without the auth service.
    pub vault: Option<VaultClient>,
    /// Namespaces that get values and never credentials.
    pub broker: BTreeSet<String>,
    /// The certificates of pods.
    pub authority: Arc<Authority>,
    /// Seconds for which a running container may still ask.
    pub window: i64,
    /// Authorities that pods trust besides the public ones, in PEM.
    pub pod_authorities: Option<String>,
    /// The proxy that pods use, by the names of its variables.
    pub pod_proxy: BTreeMap<String, String>,
    /// What pods of the original need; none unless it was asked for.
    pub legacy: Option<Originals>,
    /// Counters.
    pub metrics: Metrics,
    /// Plugin calls at the same time.
    pub calls: Semaphore,
    /// Rate limits; see [`State::limits`].
    pub limits: Mutex<Limits>,
    /// Start slots; see [`State::pace`].
    pub pace: Mutex<Pace>,
}

/// See [`State`].
pub type Shared = Arc<State>;

impl State {
    /// The rate limits.
    pub fn limits(&self) -> MutexGuard<'_, Limits> {
        // Buckets are whole between any two statements.
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The start slots.
    pub fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A resource as the watch has it.
    pub fn resource(&self, namespace: &str, name: &str) -> Option<Arc<AzureKeyVaultSecret>> {
        self.resources.get(&ObjectRef::new(name).within(namespace))
    }
}

/// Now, for what is compared with certificates and with the kubelet's word.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Now in seconds with a fraction, for buckets and slots.
pub fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
