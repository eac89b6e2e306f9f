//! What to do with one target.

use super::live::Live;
use super::managed::{FieldManager, fields_of, migrate};
use crate::SecretValue;
use akv_api::{name::ADOPT, reason};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A resource that claims keys of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// Namespace of the resource and of its targets.
    pub namespace: String,
    /// Name of the resource.
    pub name: String,
    /// Uid of the resource.
    pub uid: String,
    /// When it was created, in Unix seconds: the older of two wins a key.
    pub created: i64,
}

impl Claimant {
    /// The field manager that it applies with.
    pub fn manager(&self) -> FieldManager {
        FieldManager::of(&self.name)
    }

    /// Whether `self` wins a key that both want. Names break a tie, so that both sides come to the same answer.
    fn outranks(&self, other: &Self) -> bool {
        (self.created, &self.name) < (other.created, &other.name)
    }
}

/// What a target should hold of one resource.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// Name of the Secret or ConfigMap.
    pub name: String,
    /// A Secret's type; `None` for a ConfigMap.
    pub secret_type: Option<String>,
    /// Labels that the resource gives it.
    pub labels: BTreeMap<String, String>,
    /// Annotations that the resource gives it.
    pub annotations: BTreeMap<String, String>,
    /// The rendered entries.
    pub data: BTreeMap<String, SecretValue>,
}

/// The decision.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Nothing to write.
    Current,
    /// Apply. `resource_version` is that of the object that was looked at; without one the object is new.
    Apply {
        /// What the write must name.
        resource_version: Option<String>,
        /// Whether the object lives and dies with the resource. An adopted one does not.
        own: bool,
    },
    /// Take the fields over from the original controller: this becomes `metadata.managedFields`, nothing else changes.
    Migrate {
        /// What the write must name.
        resource_version: String,
        /// The new `managedFields`.
        managed_fields: Value,
    },
    /// Delete this very object and apply anew: its type, or an immutable content, cannot be changed in place.
    Recreate {
        /// What the deletion must name.
        uid: String,
        /// What the deletion must name.
        resource_version: String,
    },
    /// Leave it alone.
    Refused(Refusal),
}

/// Why a target is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A word of `akv_api::reason`.
    pub reason: &'static str,
    /// One sentence: what is in the way and what to do.
    pub message: String,
}

/// Decides for one target. `siblings` are the other resources of the namespace; a manager whose resource is not among
/// them is a dead one and has no claim.
pub fn decide(me: &Claimant, desired: &Desired, live: Option<&Live>, siblings: &[Claimant]) -> Verdict {
    let Some(live) = live else {
        return Verdict::Apply { resource_version: None, own: true };
    };
    let manager = me.manager();
    let mine = live.belongs_to(&me.uid, &manager);
    if !mine && let Err(refusal) = may_join(me, desired, live) {
        return Verdict::Refused(refusal);
    }
    if let Some(refusal) = key_conflict(me, desired, live, siblings) {
        return Verdict::Refused(refusal);
    }
    let type_differs = live.secret_type != desired.secret_type;
    let content_differs =
        desired.data.iter().any(|(k, v)| live.data.get(k).map(SecretValue::expose) != Some(v.expose()));
    if type_differs || (live.immutable && content_differs) {
        return recreate(me, desired, live, &manager, type_differs);
    }
    if is_current(me, desired, live, &manager) {
        return Verdict::Current;
    }
    // An owner reference makes the garbage collector delete the whole object with the resource: never where others'
    // data was there first.
    let adopted = live.annotations.contains_key(ADOPT);
    let own = live.owned_by(&me.uid) || (!adopted && (!mine || live.exclusive_data(&manager)));
    if live.applied_by(&manager).is_none() && live.owned_by(&me.uid) && live.managed.iter().any(|e| e.is_legacy()) {
        return take_over(me, desired, live, &manager);
    }
    Verdict::Apply { resource_version: Some(live.resource_version.clone()), own }
}

/// An object that is not ours: shared with other resources, given to us by its owner, or somebody else's.
fn may_join(me: &Claimant, desired: &Desired, live: &Live) -> Result<(), Refusal> {
    let adopters = live.annotations.get(ADOPT).map(String::as_str).unwrap_or_default();
    if adopters.split(',').map(str::trim).any(|a| a == format!("{}/{}", me.namespace, me.name)) {
        return Ok(());
    }
    let ours = live.owners.iter().any(|o| o.kind == "AzureKeyVaultSecret");
    let same_type = live.secret_type == desired.secret_type;
    if ours && same_type {
        return Ok(());
    }
    let what = if desired.secret_type.is_some() { "Secret" } else { "ConfigMap" };
    let message = if ours {
        format!(
            "{what} {:?} is fed by another AzureKeyVaultSecret and has the type {}; resources that share a Secret must name the same type",
            desired.name,
            live.secret_type.as_deref().unwrap_or("Opaque"),
        )
    } else {
        format!(
            "{what} {:?} exists and was not written by this resource; to let it take the object over, annotate the {what} with {ADOPT}={}/{}",
            desired.name, me.namespace, me.name,
        )
    };
    Err(Refusal { reason: reason::TARGET_NOT_OWNED, message })
}

fn key_conflict(me: &Claimant, desired: &Desired, live: &Live, siblings: &[Claimant]) -> Option<Refusal> {
    for other in siblings.iter().filter(|s| s.uid != me.uid && s.outranks(me)) {
        let Some(entry) = live.applied_by(&other.manager()) else {
            continue;
        };
        let theirs = entry.data_keys();
        let both: Vec<&str> = desired.data.keys().filter(|k| theirs.contains(*k)).map(String::as_str).collect();
        if !both.is_empty() {
            return Some(Refusal {
                reason: reason::KEY_CONFLICT,
                message: format!(
                    "{:?} already gets {} from the older AzureKeyVaultSecret {:?}; use another key or another target",
                    desired.name,
                    both.join(", "),
                    other.name,
                ),
            });
        }
    }
    None
}

fn recreate(me: &Claimant, desired: &Desired, live: &Live, manager: &FieldManager, type_differs: bool) -> Verdict {
    if live.exclusive_to(&me.uid, manager) {
        return Verdict::Recreate { uid: live.uid.clone(), resource_version: live.resource_version.clone() };
    }
    let why = if type_differs {
        format!(
            "has the type {} and Kubernetes lets nobody change it",
            live.secret_type.as_deref().unwrap_or("of a ConfigMap")
        )
    } else {
        "is immutable".to_owned()
    };
    Verdict::Refused(Refusal {
        reason: reason::TARGET_REFUSED,
        message: format!(
            "{:?} {why}; it holds more than this resource's keys, so it is not replaced: use another name, or delete it",
            desired.name
        ),
    })
}

fn is_current(me: &Claimant, desired: &Desired, live: &Live, manager: &FieldManager) -> bool {
    let Some(entry) = live.applied_by(manager) else {
        return false;
    };
    let keys: BTreeSet<String> = desired.data.keys().cloned().collect();
    let labels: BTreeSet<String> = desired.labels.keys().cloned().collect();
    let annotations: BTreeSet<String> = desired.annotations.keys().cloned().collect();
    let holds = |have: &BTreeMap<String, String>, want: &BTreeMap<String, String>| {
        want.iter().all(|(k, v)| have.get(k) == Some(v))
    };
    let adopted = live.annotations.contains_key(ADOPT);
    entry.data_keys() == keys
        && entry.labels() == labels
        && entry.annotations() == annotations
        && holds(&live.labels, &desired.labels)
        && holds(&live.annotations, &desired.annotations)
        && desired.data.iter().all(|(k, v)| live.data.get(k).map(SecretValue::expose) == Some(v.expose()))
        && (live.owned_by(&me.uid) || adopted || !live.exclusive_data(manager))
}

fn take_over(me: &Claimant, desired: &Desired, live: &Live, manager: &FieldManager) -> Verdict {
    let held = |want: &BTreeMap<String, String>, have: &BTreeMap<String, String>| {
        want.iter()
            .filter(|(k, _)| have.contains_key(*k))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    let keys: BTreeSet<&str> = desired.data.keys().filter(|k| live.data.contains_key(*k)).map(String::as_str).collect();
    let fields = fields_of(
        &keys,
        &held(&desired.labels, &live.labels),
        &held(&desired.annotations, &live.annotations),
        &me.uid,
        live.secret_type.is_some(),
    );
    Verdict::Migrate {
        resource_version: live.resource_version.clone(),
        managed_fields: migrate(&live.managed, manager, &fields),
    }
}
