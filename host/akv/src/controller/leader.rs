//! One of several controllers is the leader, by a Lease in the controller's own namespace.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// A leader that is silent for so long has lost the lease. The values are client-go's defaults.
const LEASE: Duration = Duration::from_secs(15);
const RENEW: Duration = Duration::from_secs(2);
/// A leader that could not renew for so long stops before another may start.
const GIVE_UP: Duration = Duration::from_secs(10);

/// A candidate for the lease.
#[derive(Clone)]
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// When the last request that won or renewed the lease was sent; `None` while it is not ours.
    renewed: watch::Sender<Option<Instant>>,
}

/// Whether this process may write; cheap to clone.
#[derive(Debug, Clone)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

impl Leadership {
    /// Returns while the lease is certainly ours, and waits otherwise: for a renewal, or to be dropped with the rest of
    /// the work. A process that slept through the end of its lease, as on a node that hangs, stops here before it writes.
    pub async fn held(&self) {
        let mut renewed = self.0.clone();
        let fresh = |at: &Option<Instant>| at.is_some_and(|at| at.elapsed() < GIVE_UP);
        if renewed.wait_for(fresh).await.is_err() {
            // The candidate is gone, and the process with it.
            std::future::pending::<()>().await;
        }
    }
}

impl Candidate {
    /// A candidate under `identity`, which no other process may use.
    pub fn new(client: Client, namespace: &str, name: &str, identity: String) -> Self {
        let renewed = watch::Sender::new(None);
        Self { api: Api::namespaced(client, namespace), name: name.to_owned(), identity, renewed }
    }

    /// What writers ask before they write.
    pub fn leadership(&self) -> Leadership {
        Leadership(self.renewed.subscribe())
    }

    /// Resolves when this process is the leader.
    pub async fn acquire(&self) {
        // A lease is stale when it has not changed for its duration by our own clock: clocks of two nodes may differ.
        let mut seen: Option<(String, Instant)> = None;
        loop {
            let asked = Instant::now();
            match timeout(LEASE, self.try_acquire(&mut seen)).await {
                Ok(Ok(true)) => {
                    self.renewed.send_replace(Some(asked));
                    return;
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, lease = self.name, "the lease could not be read or written")
                }
                Err(_) => {
                    tracing::warn!(lease = self.name, "the API server did not answer in time")
                }
            }
            sleep(RENEW).await;
        }
    }

    async fn try_acquire(&self, seen: &mut Option<(String, Instant)>) -> kube::Result<bool> {
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.spec(0, None)),
            };
            return won(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        if !holder.is_empty() && holder != self.identity {
            match seen {
                Some((known, since)) if *known == version && since.elapsed() >= LEASE => {}
                Some((known, _)) if *known == version => return Ok(false),
                _ => {
                    *seen = Some((version, Instant::now()));
                    return Ok(false);
                }
            }
        }
        let transitions = spec.lease_transitions.unwrap_or(0) + i32::from(holder != self.identity);
        let next = Lease { spec: Some(self.spec(transitions, None)), ..lease };
        won(self.api.replace(&self.name, &PostParams::default(), &next).await)
    }

    /// Renews the lease; resolves when it is lost, with the reason.
    pub async fn hold(&self) -> String {
        let why = self.hold_on().await;
        self.renewed.send_replace(None);
        why
    }

    async fn hold_on(&self) -> String {
        let mut renewed = self.renewed.borrow().unwrap_or_else(Instant::now);
        loop {
            sleep(RENEW).await;
            let asked = Instant::now();
            match timeout(GIVE_UP.saturating_sub(renewed.elapsed()), self.renew()).await {
                Ok(Ok(true)) => {
                    renewed = asked;
                    self.renewed.send_replace(Some(asked));
                }
                Ok(Ok(false)) => return "another controller holds the lease".to_owned(),
                Ok(Err(error)) => {
                    tracing::warn!(%error, lease = self.name, "the lease could not be renewed")
                }
                Err(_) => {}
            }
            if renewed.elapsed() >= GIVE_UP {
                return format!("the lease could not be renewed for {} s", GIVE_UP.as_secs());
            }
        }
    }

    async fn renew(&self) -> kube::Result<bool> {
        let lease = self.api.get(&self.name).await?;
        let spec = lease.spec.clone().unwrap_or_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(false);
        }
        let next = Lease { spec: Some(self.spec(spec.lease_transitions.unwrap_or(0), spec.acquire_time)), ..lease };
        // A conflict here is a lost race, seen at the next look.
        self.api.replace(&self.name, &PostParams::default(), &next).await.map(|_| true)
    }

    /// Gives the lease back, so that the next leader need not wait.
    pub async fn release(&self) {
        let Ok(Ok(lease)) = timeout(RENEW, self.api.get(&self.name)).await else {
            return;
        };
        let mut spec = lease.spec.clone().unwrap_or_default();
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = None;
            let next = Lease { spec: Some(spec), ..lease };
            // The process ends either way; without the release the next leader waits for the lease to run out.
            let _ended = timeout(RENEW, self.api.replace(&self.name, &PostParams::default(), &next)).await;
        }
    }

    fn spec(&self, transitions: i32, acquired: Option<MicroTime>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(LEASE.as_secs() as i32),
            acquire_time: Some(acquired.unwrap_or_else(|| now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

/// A conflict means that another candidate was faster.
fn won(result: kube::Result<Lease>) -> kube::Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
