//! The controller's metrics: the original's names, and new ones. No label holds a name that a user chose, except the vault's.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// What a sync was for, in the original's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SyncLabels {
    /// `add`, `update` or `delete`.
    pub operation: &'static str,
    /// `AzureKeyVaultSecret` for a change of the resource, `AzureKeyVault` for a poll.
    pub object: &'static str,
}

/// One read of a vault object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReadLabels {
    /// The vault's name.
    pub vault: String,
    /// `ok`, or a reason.
    pub outcome: &'static str,
}

/// A failure, by reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabels {
    /// A word of `akv_api::reason`.
    pub reason: &'static str,
}

/// One write to a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WriteLabels {
    /// `Secret` or `ConfigMap`.
    pub kind: &'static str,
    /// `apply`, `migrate`, `delete` or `strip`.
    pub operation: &'static str,
}

/// All of them; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Syncs begun.
    pub syncs: Family<SyncLabels, Counter>,
    /// Syncs that did not end with the target current.
    pub syncs_failed: Family<SyncLabels, Counter>,
    /// Failures by reason.
    pub failures: Family<ReasonLabels, Counter>,
    /// Reads of vault objects.
    pub vault_reads: Family<ReadLabels, Counter>,
    /// Writes to targets.
    pub writes: Family<WriteLabels, Counter>,
    /// Seconds of one sync.
    pub duration: Histogram,
    /// 1 while this process is the leader.
    pub leader: Gauge,
}

impl Metrics {
    /// Registers everything.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            syncs: Family::default(),
            syncs_failed: Family::default(),
            failures: Family::default(),
            vault_reads: Family::default(),
            writes: Family::default(),
            duration: Histogram::new(exponential_buckets(0.005, 2.0, 12)),
            leader: Gauge::default(),
        };
        registry.register("akv2k8s_syncs", "Syncs begun", metrics.syncs.clone());
        registry.register(
            "akv2k8s_syncs_failed",
            "Syncs that did not end with the target current",
            metrics.syncs_failed.clone(),
        );
        registry.register("akv2k8s_sync_failures", "Failed syncs by reason", metrics.failures.clone());
        registry.register("akv2k8s_vault_reads", "Reads of vault objects by outcome", metrics.vault_reads.clone());
        registry.register("akv2k8s_target_writes", "Writes to Secrets and ConfigMaps", metrics.writes.clone());
        registry.register("akv2k8s_sync_duration_seconds", "Duration of a sync", metrics.duration.clone());
        registry.register("akv2k8s_leader", "1 while this process is the leader", metrics.leader.clone());
        metrics
    }

    /// Counts one write.
    pub fn wrote(&self, kind: &'static str, operation: &'static str) {
        self.writes.get_or_create(&WriteLabels { kind, operation }).inc();
    }
}
