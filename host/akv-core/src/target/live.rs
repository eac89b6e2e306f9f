//! A target as the API server holds it.

use super::managed::{FieldManager, ManagedEntry};
use crate::SecretValue;
use std::collections::BTreeMap;

/// A Secret or ConfigMap, read.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// The object's uid.
    pub uid: String,
    /// What a write must name so that nothing newer is overwritten.
    pub resource_version: String,
    /// A Secret's type; `None` for a ConfigMap.
    pub secret_type: Option<String>,
    /// Whether `immutable: true` is set.
    pub immutable: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its owner references.
    pub owners: Vec<Owner>,
    /// Its data; a ConfigMap's `binaryData` included.
    pub data: BTreeMap<String, SecretValue>,
    /// Who wrote which field.
    pub managed: Vec<ManagedEntry>,
}

/// One owner reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// Uid of the owner.
    pub uid: String,
}

impl Live {
    /// The entry that the resource with this manager applied.
    pub fn applied_by(&self, manager: &FieldManager) -> Option<&ManagedEntry> {
        self.managed.iter().find(|e| e.applied && e.manager == manager.as_str())
    }

    /// Whether the resource with this uid is among the owners.
    pub fn owned_by(&self, uid: &str) -> bool {
        self.owners.iter().any(|o| o.uid == uid)
    }

    /// Whether this resource's hand is visible: an owner reference, or keys that it applied.
    pub fn belongs_to(&self, uid: &str, manager: &FieldManager) -> bool {
        self.owned_by(uid) || self.applied_by(manager).is_some_and(|e| !e.data_keys().is_empty())
    }

    /// Whether nobody but this resource has a part in the object: no other owner, and no key of somebody else.
    /// What the original controller wrote counts as this resource's if it is the only owner.
    pub fn exclusive_to(&self, uid: &str, manager: &FieldManager) -> bool {
        let ours = self.applied_by(manager).map(ManagedEntry::data_keys).unwrap_or_default();
        let legacy: Vec<_> = self.managed.iter().filter(|e| e.is_legacy()).flat_map(ManagedEntry::data_keys).collect();
        self.owned_by(uid)
            && self.owners.iter().all(|o| o.uid == uid)
            && self.data.keys().all(|k| ours.contains(k) || legacy.contains(k))
    }

    /// Whether every key was applied by this manager.
    pub fn exclusive_data(&self, manager: &FieldManager) -> bool {
        let ours = self.applied_by(manager).map(ManagedEntry::data_keys).unwrap_or_default();
        self.data.keys().all(|k| ours.contains(k))
    }
}
