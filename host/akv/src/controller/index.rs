//! Which targets carry the hand of which resource: a metadata-only watch, remembering nothing of foreign objects.
//!
//! It finds a target that was renamed while no controller ran, and it notices edits of targets at once.

use super::targets::TargetKind;
use akv_api::AzureKeyVaultSecret;
use akv_core::target::{FieldManager, ManagedEntry};
use futures::{Stream, StreamExt};
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, utils::StreamBackoff};
use kube::{Api, Resource, ResourceExt};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A target's place: kind, namespace, name.
type Place = (TargetKind, String, String);

/// The index; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TargetIndex(Arc<Mutex<HashMap<Place, Hands>>>);

/// Whose hands an object carries.
#[derive(Debug, Clone, Default, PartialEq)]
struct Hands {
    managers: BTreeSet<String>,
    resources: BTreeSet<String>,
}

impl TargetIndex {
    /// Every target in `namespace` that the resource with this name and manager wrote.
    pub fn of(&self, namespace: &str, resource: &str, manager: &FieldManager) -> Vec<(TargetKind, String)> {
        let places = self.lock();
        let written = |hands: &Hands| hands.managers.contains(manager.as_str()) || hands.resources.contains(resource);
        places
            .iter()
            .filter(|((_, ns, _), hands)| ns == namespace && written(hands))
            .map(|((k, _, n), _)| (*k, n.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Hands>> {
        // Each change is one insert or remove, so the map is whole even if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one event in; returns the resources whose targets changed.
    fn take<K>(
        &self,
        kind: TargetKind,
        seen: &mut BTreeSet<Place>,
        event: Event<PartialObjectMeta<K>>,
    ) -> Vec<ObjectRef<AzureKeyVaultSecret>>
    where
        PartialObjectMeta<K>: Resource,
    {
        match event {
            Event::Init => {
                seen.clear();
                Vec::new()
            }
            Event::InitApply(object) | Event::Apply(object) => {
                let place = (kind, object.namespace().unwrap_or_default(), object.name_any());
                let hands = hands(&object);
                let mut places = self.lock();
                let before = if hands == Hands::default() {
                    places.remove(&place)
                } else {
                    seen.insert(place.clone());
                    places.insert(place.clone(), hands.clone())
                };
                let names = hands.resources.iter().chain(before.iter().flat_map(|h| h.resources.iter()));
                names.map(|n| ObjectRef::new(n).within(&place.1)).collect()
            }
            Event::Delete(object) => {
                let place = (kind, object.namespace().unwrap_or_default(), object.name_any());
                let before = self.lock().remove(&place).unwrap_or_default();
                before.resources.iter().map(|n| ObjectRef::new(n).within(&place.1)).collect()
            }
            Event::InitDone => {
                let mut places = self.lock();
                let gone: Vec<Place> = places.keys().filter(|p| p.0 == kind && !seen.contains(*p)).cloned().collect();
                let hands = gone.into_iter().filter_map(|p| places.remove(&p).map(|h| (p.1, h)));
                hands.flat_map(|(ns, h)| h.resources.into_iter().map(move |n| ObjectRef::new(&n).within(&ns))).collect()
            }
        }
    }
}

fn hands<K>(object: &PartialObjectMeta<K>) -> Hands
where
    PartialObjectMeta<K>: Resource,
{
    let mut hands = Hands::default();
    for owner in object.owner_references().iter().filter(|o| o.kind == "AzureKeyVaultSecret") {
        hands.resources.insert(owner.name.clone());
    }
    for entry in object.managed_fields().iter().filter_map(|m| serde_json::to_value(m).ok()).map(ManagedEntry::parse) {
        if entry.applied && FieldManager::is_resource(&entry.manager) && !entry.data_keys().is_empty() {
            // A manager that was cut is found by the owner reference.
            if let Some((_, name)) = entry.manager.split_once('/').filter(|(_, name)| !name.contains('~')) {
                hands.resources.insert(name.to_owned());
            }
            hands.managers.insert(entry.manager);
        }
    }
    hands
}

/// Watches one kind of target, keeps `index` true, and yields the resources whose targets changed.
pub fn changes<K>(
    api: Api<PartialObjectMeta<K>>,
    kind: TargetKind,
    index: TargetIndex,
) -> impl Stream<Item = ObjectRef<AzureKeyVaultSecret>> + Send
where
    PartialObjectMeta<K>:
        Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
    K: Send + 'static,
{
    let mut seen = BTreeSet::new();
    let events = watcher(api, watcher::Config::default()).default_backoff();
    let events: StreamBackoff<_, _> = events;
    events.flat_map(move |event| match event {
        Ok(event) => futures::stream::iter(index.take(kind, &mut seen, event)),
        Err(error) => {
            tracing::warn!(%error, kind = kind.as_str(), "the watch of targets was interrupted; it goes on by itself");
            futures::stream::iter(Vec::new())
        }
    })
}
