//! Secrets and ConfigMaps on the API server: reading them into `Live`, and carrying a verdict out.

use akv_core::SecretValue;
use akv_core::target::{Claimant, Desired, FieldManager, Live, ManagedEntry, Owner};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::core::{ApiResource, Resource};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A version that no object has: etcd counts from it, and the first write of all is already a higher one. Server-side apply
/// creates an object whatever version it names, and refuses with a conflict to change one of another version. So an apply
/// that names this one creates or fails, and never merges into what somebody else created since we looked.
const OF_NOTHING: &str = "1";

/// Which kind of object a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TargetKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

impl TargetKind {
    /// The Kubernetes kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    fn resource(self) -> ApiResource {
        match self {
            Self::Secret => ApiResource::erase::<Secret>(&()),
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
        }
    }

    fn api(self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), namespace, &self.resource())
    }
}

/// Reads a target; `None` if there is none.
pub async fn read(client: &Client, kind: TargetKind, namespace: &str, name: &str) -> kube::Result<Option<Live>> {
    Ok(match kind {
        TargetKind::Secret => {
            let secret = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await?;
            secret.map(|s| {
                let data = s.data.unwrap_or_default().into_iter().map(|(k, v)| (k, SecretValue::new(v.0))).collect();
                live(s.metadata, Some(s.type_.unwrap_or_else(|| "Opaque".to_owned())), s.immutable, data)
            })
        }
        TargetKind::ConfigMap => {
            let map = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(name).await?;
            map.map(|m| {
                let text = m.data.unwrap_or_default().into_iter().map(|(k, v)| (k, SecretValue::new(v.into_bytes())));
                let binary = m.binary_data.unwrap_or_default().into_iter().map(|(k, v)| (k, SecretValue::new(v.0)));
                live(m.metadata, None, m.immutable, text.chain(binary).collect())
            })
        }
    })
}

fn live(
    meta: ObjectMeta,
    secret_type: Option<String>,
    immutable: Option<bool>,
    data: BTreeMap<String, SecretValue>,
) -> Live {
    let managed = meta.managed_fields.unwrap_or_default();
    Live {
        uid: meta.uid.unwrap_or_default(),
        resource_version: meta.resource_version.unwrap_or_default(),
        secret_type,
        immutable: immutable.unwrap_or(false),
        labels: meta.labels.unwrap_or_default(),
        annotations: meta.annotations.unwrap_or_default(),
        owners: owners(&meta.owner_references.unwrap_or_default()),
        data,
        managed: managed.into_iter().filter_map(|m| serde_json::to_value(m).ok()).map(ManagedEntry::parse).collect(),
    }
}

fn owners(references: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference]) -> Vec<Owner> {
    references.iter().map(|o| Owner { kind: o.kind.clone(), name: o.name.clone(), uid: o.uid.clone() }).collect()
}

/// Applies what one resource wants of a target, under its own manager. Without a `resource_version` it creates the target; an
/// object that came into being in between is a conflict.
pub async fn apply(
    client: &Client,
    kind: TargetKind,
    me: &Claimant,
    desired: &Desired,
    resource_version: Option<&str>,
    own: bool,
) -> kube::Result<()> {
    let mut object = skeleton(kind, &desired.name);
    let metadata = &mut object["metadata"];
    metadata["labels"] = json!(desired.labels);
    metadata["annotations"] = json!(desired.annotations);
    metadata["resourceVersion"] = json!(resource_version.unwrap_or(OF_NOTHING));
    if own {
        metadata["ownerReferences"] = json!([{
            "apiVersion": "spv.no/v2beta1",
            "kind": "AzureKeyVaultSecret",
            "name": me.name,
            "uid": me.uid,
            "blockOwnerDeletion": true,
            "controller": false,
        }]);
    }
    match kind {
        TargetKind::Secret => {
            object["type"] = json!(desired.secret_type);
            object["data"] = desired.data.iter().map(|(k, v)| (k.clone(), base64(v))).collect();
        }
        TargetKind::ConfigMap => {
            let text = |v: &SecretValue| json!(String::from_utf8_lossy(v.expose()));
            object["data"] = desired.data.iter().map(|(k, v)| (k.clone(), text(v))).collect();
        }
    }
    patch_as(client, kind, me, &me.manager(), object).await
}

fn base64(value: &SecretValue) -> Value {
    serde_json::to_value(k8s_openapi::ByteString(value.expose().to_vec())).unwrap_or(Value::Null)
}

/// Gives up everything that `manager` applied to the object. A Secret keeps its type, which is immutable.
pub async fn strip(client: &Client, kind: TargetKind, me: &Claimant, name: &str, live: &Live) -> kube::Result<()> {
    let mut object = skeleton(kind, name);
    object["metadata"]["resourceVersion"] = json!(live.resource_version);
    if kind == TargetKind::Secret {
        object["type"] = json!(live.secret_type);
    }
    patch_as(client, kind, me, &me.manager(), object).await
}

fn skeleton(kind: TargetKind, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": kind.as_str(), "metadata": {"name": name}})
}

async fn patch_as(
    client: &Client,
    kind: TargetKind,
    me: &Claimant,
    manager: &FieldManager,
    object: Value,
) -> kube::Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let params = PatchParams::apply(manager.as_str()).force();
    kind.api(client, &me.namespace).patch(&name, &params, &Patch::Apply(&object)).await.map(drop)
}

/// Replaces `metadata.managedFields` and nothing else.
pub async fn migrate(
    client: &Client,
    kind: TargetKind,
    me: &Claimant,
    name: &str,
    resource_version: &str,
    managed_fields: &Value,
) -> kube::Result<()> {
    let patch = json!({"metadata": {"resourceVersion": resource_version, "managedFields": managed_fields}});
    kind.api(client, &me.namespace).patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop)
}

/// Deletes exactly the object that was looked at.
pub async fn delete(
    client: &Client,
    kind: TargetKind,
    namespace: &str,
    name: &str,
    uid: &str,
    resource_version: &str,
) -> kube::Result<()> {
    let preconditions =
        Preconditions { uid: Some(uid.to_owned()), resource_version: Some(resource_version.to_owned()) };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match kind.api(client, namespace).delete(name, &params).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error),
    }
}

/// The claimant that a resource is.
pub fn claimant(resource: &akv_api::AzureKeyVaultSecret) -> Claimant {
    let meta = resource.meta();
    Claimant {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        created: meta.creation_timestamp.as_ref().map_or(0, |t| t.0.as_second()),
    }
}
