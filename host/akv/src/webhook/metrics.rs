//! The webhook's metrics: the original's names, and new ones. No label holds a name that a user chose.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabels {
    /// A reason of conditions, or one of the service's own.
    pub reason: String,
}

/// All of them; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Pods looked at.
    pub inspections: Counter,
    /// Pods changed.
    pub mutations: Counter,
    /// Pods that could not be changed.
    pub mutations_failed: Counter,
    /// Images asked for their command.
    pub images: Counter,
    /// Images whose command is not known.
    pub images_failed: Counter,
    /// Requests to the auth service.
    pub auth: Counter,
    /// Requests that it refused.
    pub auth_failed: Counter,
    /// The same by reason.
    pub refusals: Family<ReasonLabels, Counter>,
    /// Seconds of an admission.
    pub admission: Histogram,
    /// Requests of pods that the original admitted.
    pub legacy: Counter,
}

impl Metrics {
    /// Registers everything.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            inspections: Counter::default(),
            mutations: Counter::default(),
            mutations_failed: Counter::default(),
            images: Counter::default(),
            images_failed: Counter::default(),
            auth: Counter::default(),
            auth_failed: Counter::default(),
            refusals: Family::default(),
            admission: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            legacy: Counter::default(),
        };
        let counters = [
            ("akv2k8s_pod_inspections", "Pods looked at", &metrics.inspections),
            ("akv2k8s_pod_mutations", "Pods changed", &metrics.mutations),
            ("akv2k8s_pod_mutations_failed", "Pods that could not be changed", &metrics.mutations_failed),
            ("akv2k8s_container_inspections", "Images asked for their command", &metrics.images),
            ("akv2k8s_container_inspections_failed", "Images whose command is not known", &metrics.images_failed),
            ("akv2k8s_auth_requests", "Requests to the auth service", &metrics.auth),
            ("akv2k8s_auth_requests_failed", "Requests that the auth service refused", &metrics.auth_failed),
            ("akv2k8s_legacy_requests", "Requests of pods that the original admitted", &metrics.legacy),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register("akv2k8s_auth_refusals", "Refused requests by reason", metrics.refusals.clone());
        registry.register("akv2k8s_admission_duration_seconds", "Duration of an admission", metrics.admission.clone());
        metrics
    }
}
