//! What a user sees of a sync: conditions, status, events. Written only when it says something new.

use super::outcome::{Outcome, Written};
use super::targets::TargetKind;
use akv_api::secret::{AzureKeyVaultSecretStatus, ObjectStatus};
use akv_api::{AzureKeyVaultSecret, reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Map, Value, json};

/// The field manager of the status; the original's controller wrote it by update.
const MANAGER: &str = "akv2k8s-status";

/// The status after `outcome`. Pure: `now` is only used where something changed.
pub fn next(resource: &AzureKeyVaultSecret, outcome: &Outcome, now: Timestamp) -> AzureKeyVaultSecretStatus {
    let before = resource.status.clone().unwrap_or_default();
    let generation = resource.meta().generation;
    let (ready, reason, message) = match outcome.troubles.first() {
        None => (true, reason::SYNCED, outcome.summary()),
        Some(first) => {
            (false, first.reason, outcome.troubles.iter().map(|t| t.message.as_str()).collect::<Vec<_>>().join("; "))
        }
    };
    let condition = |kind: &str, ok: bool, reason: &str, message: &str| {
        let status = if ok { "True" } else { "False" };
        let since =
            before.condition(kind).filter(|c| c.status == status).map_or(Time(now), |c| c.last_transition_time.clone());
        Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: generation,
            last_transition_time: since,
        }
    };
    let ready_condition = condition("Ready", ready, reason, &message);
    // Vault trouble says nothing of the targets: they hold what was read last.
    let synced_condition = match before.condition("Synced") {
        Some(kept) if !ready && outcome.read_failed => kept.clone(),
        _ => condition("Synced", ready, reason, &message),
    };
    let mut status = AzureKeyVaultSecretStatus {
        conditions: Some(vec![ready_condition, synced_condition]),
        observed_generation: generation,
        warnings: (!outcome.warnings.is_empty()).then(|| outcome.warnings.clone()),
        ..before
    };
    if let Some(objects) = &outcome.objects {
        let object = |o: &akv_core::VaultObject| ObjectStatus {
            alias: o.description.alias.as_str().to_owned(),
            version: o.version.clone(),
            expires: o.expires.and_then(|s| Timestamp::from_second(s).ok()).map(Time),
        };
        status.objects = Some(objects.iter().map(object).collect());
    }
    if outcome.complete() {
        targets(&mut status, outcome, now);
    }
    status
}

fn targets(status: &mut AzureKeyVaultSecretStatus, outcome: &Outcome, now: Timestamp) {
    let find = |kind| outcome.written.iter().find(|w: &&Written| w.kind == kind);
    let (secret, map) = (find(TargetKind::Secret), find(TargetKind::ConfigMap));
    let changed = secret.map(|w| &w.digest) != status.secret_hash.as_ref()
        || map.map(|w| &w.digest) != status.config_map_hash.as_ref();
    status.secret_name = secret.map(|w| w.name.clone());
    status.secret_hash = secret.map(|w| w.digest.clone());
    status.secret_keys = secret.map(|w| w.keys.clone());
    status.config_map_name = map.map(|w| w.name.clone());
    status.config_map_hash = map.map(|w| w.digest.clone());
    status.config_map_keys = map.map(|w| w.keys.clone());
    if (changed && !outcome.written.is_empty()) || (status.last_azure_update.is_none() && !outcome.written.is_empty()) {
        status.last_azure_update = Some(Time(now));
    }
}

/// Writes the status if it differs from the one that was read. A resource that is gone is no error.
pub async fn write(
    client: &Client,
    resource: &AzureKeyVaultSecret,
    status: &AzureKeyVaultSecretStatus,
) -> kube::Result<bool> {
    if resource.status.as_ref() == Some(status) {
        return Ok(false);
    }
    let api = Api::<AzureKeyVaultSecret>::namespaced(client.clone(), &resource.namespace().unwrap_or_default());
    let patch = json!({
        "apiVersion": "spv.no/v2beta1",
        "kind": "AzureKeyVaultSecret",
        "metadata": {"name": resource.name_any(), "uid": resource.uid()},
        "status": status,
    });
    let name = resource.name_any();
    let applied = match api.patch_status(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await {
        Ok(applied) => applied,
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => return Ok(false),
        Err(error) => return Err(error),
    };
    // Of fields that somebody else wrote, as the original did, apply leaves those that are not in what it applies. They would
    // differ at the next look too, and at each that this write causes.
    let left = foreign(applied.status.as_ref(), status);
    if !left.is_empty() {
        let patch = json!({"metadata": {"uid": resource.uid()}, "status": left});
        api.patch_status(
            &name,
            &PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() },
            &Patch::Merge(&patch),
        )
        .await?;
    }
    Ok(true)
}

/// The fields that are there and not wanted, each as the `null` that removes it.
fn foreign(there: Option<&AzureKeyVaultSecretStatus>, wanted: &AzureKeyVaultSecretStatus) -> Map<String, Value> {
    let fields = |status: &AzureKeyVaultSecretStatus| match serde_json::to_value(status) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let wanted = fields(wanted);
    let there = there.map(fields).unwrap_or_default();
    there.into_iter().filter(|(name, _)| !wanted.contains_key(name)).map(|(name, _)| (name, Value::Null)).collect()
}
