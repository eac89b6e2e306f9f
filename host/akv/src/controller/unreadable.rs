//! The watch of our own resources. One that does not fit the types, since it was stored while a looser definition stood,
//! says so itself and keeps no other from being seen.

use crate::cli::structure;
use akv_api::reason;
use futures::{Stream, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::core::error_boundary::{DeserializeGuard, InvalidObject};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{Controller, WatchStreamExt, reflector};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The field manager of the status, as of every other status.
const MANAGER: &str = "akv2k8s-status";

/// A controller that hears of deletions too: `Controller::new` leaves them to finalizers, which we do not use.
pub fn watched<K>(client: &Client, api: Api<DeserializeGuard<K>>, config: watcher::Config) -> Controller<K>
where
    K: Resource<DynamicType = ()> + Clone + Default + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    let (reader, writer) = reflector::store();
    let events = readable(Some(client.clone()), api, config);
    Controller::for_stream(reflector(writer, events).touched_objects(), reader)
}

/// The events of what can be read. With a client, what cannot says so in its status.
pub fn readable<K>(
    client: Option<Client>,
    api: Api<DeserializeGuard<K>>,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Resource<DynamicType = ()> + Clone + Default + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    watcher(api, config).filter_map(move |event| {
        let client = client.clone();
        async move {
            match event {
                Ok(event) => {
                    let (event, unreadable) = sort(event);
                    if let (Some(object), Some(client)) = (unreadable, client) {
                        report::<K>(&client, &object).await;
                    }
                    event.map(Ok)
                }
                Err(error) => Some(Err(error)),
            }
        }
    })
}

/// What is left of an event without what cannot be read, and that. A resource that can no longer be read is forgotten, so
/// that nobody goes on with what it said before.
fn sort<K>(event: Event<DeserializeGuard<K>>) -> (Option<Event<K>>, Option<InvalidObject>)
where
    K: Resource<DynamicType = ()> + Default,
{
    match event {
        Event::Init => (Some(Event::Init), None),
        Event::InitDone => (Some(Event::InitDone), None),
        Event::InitApply(DeserializeGuard(Ok(object))) => (Some(Event::InitApply(object)), None),
        Event::Apply(DeserializeGuard(Ok(object))) => (Some(Event::Apply(object)), None),
        Event::Delete(DeserializeGuard(Ok(object))) => (Some(Event::Delete(object)), None),
        Event::InitApply(DeserializeGuard(Err(unreadable))) => (None, Some(unreadable)),
        Event::Apply(DeserializeGuard(Err(unreadable))) => {
            (Some(Event::Delete(named(&unreadable.metadata))), Some(unreadable))
        }
        Event::Delete(DeserializeGuard(Err(unreadable))) => (Some(Event::Delete(named(&unreadable.metadata))), None),
    }
}

fn named<K: Resource<DynamicType = ()> + Default>(metadata: &ObjectMeta) -> K {
    let mut object = K::default();
    *object.meta_mut() = metadata.clone();
    object
}

/// A line of the log, and a condition where the API server takes one.
async fn report<K: Resource<DynamicType = ()>>(client: &Client, unreadable: &InvalidObject) {
    let ObjectMeta { namespace, name, .. } = &unreadable.metadata;
    let (name, resource) = (name.as_deref().unwrap_or_default(), ApiResource::erase::<K>(&()));
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let object = api.get_opt(name).await.ok().flatten();
    let why = object.as_ref().and_then(|o| faults(&resource, &o.data)).unwrap_or_else(|| unreadable.error.clone());
    let (kind, reason) = (&resource.kind, reason::INVALID_SPEC);
    tracing::warn!(kind, namespace, name, reason, message = why, "left alone: it does not fit its definition");
    if let Some(object) = object
        && let Some(status) = status(&object, &why, Timestamp::now())
        && let Err(error) = api
            .patch_status(
                name,
                &PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() },
                &Patch::Merge(json!({"status": status})),
            )
            .await
    {
        tracing::warn!(%error, kind, namespace, name, "the API server takes no status of it; this log alone says so");
    }
}

/// What the API server would say if it were written today, each with its path.
fn faults(resource: &ApiResource, data: &Value) -> Option<String> {
    let crds = akv_api::crd::all();
    let crd = crds.iter().find(|crd| crd.spec.names.kind == resource.kind)?;
    let version = crd.spec.versions.iter().find(|version| version.storage)?;
    let schema = version.schema.as_ref()?.open_api_v3_schema.as_ref()?;
    let (mut written, mut remarks) = (json!({}), Vec::new());
    if let Some(spec) = data.get("spec") {
        written["spec"] = spec.clone();
    }
    structure::check(schema, &mut written, "", &mut remarks);
    let faults = remarks.iter().filter(|remark| remark.reason.is_some());
    let said: Vec<String> = faults.map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// The status with a condition that says so; `None` if it has one already.
fn status(object: &DynamicObject, why: &str, now: Timestamp) -> Option<Value> {
    let conditions = object.data.pointer("/status/conditions").cloned().unwrap_or_default();
    let mut conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap_or_default();
    let generation = object.metadata.generation;
    let old = conditions.iter().find(|c| c.type_ == "Ready");
    if old.is_some_and(|c| c.status == "False" && c.message == why && c.observed_generation == generation) {
        return None;
    }
    let since = old.filter(|c| c.status == "False").map_or(Time(now), |c| c.last_transition_time.clone());
    conditions.retain(|c| c.type_ != "Ready");
    conditions.push(Condition {
        type_: "Ready".to_owned(),
        status: "False".to_owned(),
        reason: reason::INVALID_SPEC.to_owned(),
        message: why.to_owned(),
        observed_generation: generation,
        last_transition_time: since,
    });
    Some(json!({"conditions": conditions, "observedGeneration": generation}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use akv_api::AzureKeyVaultSecret;

    fn guard(name: &str, kind: &str) -> DeserializeGuard<AzureKeyVaultSecret> {
        let object = json!({"metadata": {"name": name}, "spec": {"vault": {"name": "v", "object": {"name": "o", "type": kind}}}});
        serde_json::from_value(object).expect("the guard takes everything that has metadata")
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_forgotten() {
        let name = |(event, unreadable): (Option<Event<AzureKeyVaultSecret>>, Option<InvalidObject>)| {
            let event = event.map(|event| match event {
                Event::Init | Event::InitDone => "init".to_owned(),
                Event::InitApply(o) | Event::Apply(o) => format!("apply {}", o.metadata.name.unwrap_or_default()),
                Event::Delete(o) => format!("delete {}", o.metadata.name.unwrap_or_default()),
            });
            (event, unreadable.and_then(|u| u.metadata.name))
        };
        let check = |event, expected: Option<&str>, unreadable: Option<&str>| {
            assert_eq!(name(sort(event)), (expected.map(str::to_owned), unreadable.map(str::to_owned)));
        };
        check(Event::Init, Some("init"), None);
        check(Event::InitApply(guard("good", "secret")), Some("apply good"), None);
        check(Event::InitApply(guard("bad", "Secret")), None, Some("bad"));
        check(Event::Apply(guard("good", "key")), Some("apply good"), None);
        check(Event::Apply(guard("bad", "Secret")), Some("delete bad"), Some("bad"));
        check(Event::Delete(guard("bad", "Secret")), Some("delete bad"), None);
    }

    #[test]
    fn the_same_thing_is_said_once() {
        let mut object: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "bad", "generation": 2},
            "status": {"conditions": [{"type": "Synced", "status": "True", "reason": "Synced", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        }))
        .expect("an object");
        let said = status(&object, "why", Timestamp::UNIX_EPOCH).expect("nothing was said yet");
        assert_eq!(said["conditions"].as_array().map(Vec::len), Some(2));
        object.data["status"] = said;
        assert_eq!(status(&object, "why", Timestamp::now()), None);
        assert!(status(&object, "why else", Timestamp::now()).is_some());
    }
}
