//! From rendered entries to targets that hold them.

use super::context::Context;
use super::outcome::{Trouble, Written};
use super::targets::{self, TargetKind};
use akv_api::{AzureKeyVaultSecret, reason};
use akv_core::target::{Desired, Live, Release, Verdict, decide, release};
use akv_core::{Entry, SecretValue, Target, VaultObject, digest, metadata};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// A write can lose a race against another writer; each round looks again. More than this is no race.
const ROUNDS: usize = 5;

/// A target and what it should hold; without content it is only to be left as it is.
#[derive(Debug)]
pub struct Wanted {
    kind: TargetKind,
    name: String,
    desired: Option<Desired>,
}

impl Wanted {
    /// Where it is.
    pub fn place(&self) -> (TargetKind, String) {
        (self.kind, self.name.clone())
    }

    /// Where the resource asks for it.
    pub fn path(&self) -> &'static str {
        match self.kind {
            TargetKind::Secret => "spec.output.secret",
            TargetKind::ConfigMap => "spec.output.configMap",
        }
    }
}

/// The target of an output with its entries.
pub fn wanted(resource: &AzureKeyVaultSecret, target: &Target, entries: Vec<Entry>) -> Option<Wanted> {
    let data: BTreeMap<String, SecretValue> = entries.into_iter().map(|e| (e.key, e.value)).collect();
    let (kind, name, secret_type, extra) = match target {
        Target::Secret { name, secret_type, metadata } => {
            let secret_type = secret_type.clone().filter(|t| !t.is_empty()).unwrap_or_else(|| "Opaque".to_owned());
            (TargetKind::Secret, name, Some(secret_type), metadata)
        }
        Target::ConfigMap { name, metadata } => (TargetKind::ConfigMap, name, None, metadata),
        Target::Environment { .. } => return None,
    };
    let (labels, annotations) = metadata::copied(resource.labels(), resource.annotations(), extra);
    let desired = Desired { name: name.clone(), secret_type, labels, annotations, data };
    Some(Wanted { kind, name: name.clone(), desired: Some(desired) })
}

/// The target of an output that could not be rendered.
pub fn wanted_name(target: &Target) -> Option<Wanted> {
    let (kind, name) = match target {
        Target::Secret { name, .. } => (TargetKind::Secret, name),
        Target::ConfigMap { name, .. } => (TargetKind::ConfigMap, name),
        Target::Environment { .. } => return None,
    };
    Some(Wanted { kind, name: name.clone(), desired: None })
}

/// Looks at the target, decides, acts, until it is current. `None` for a target without content.
pub async fn make_current(
    resource: &AzureKeyVaultSecret,
    context: &Context,
    wanted: &Wanted,
) -> Result<Option<Written>, Trouble> {
    let Some(desired) = &wanted.desired else {
        return Ok(None);
    };
    let me = targets::claimant(resource);
    let others: Vec<_> = context.resources.state();
    let siblings: Vec<_> = others
        .iter()
        .filter(|r| r.namespace().as_deref() == Some(&me.namespace))
        .map(|r| targets::claimant(r))
        .collect();
    let (kind, client, name) = (wanted.kind, &context.client, &wanted.name);
    let mut now = false;
    for _ in 0..ROUNDS {
        let live = targets::read(client, kind, &me.namespace, name).await?;
        context.leadership.held().await;
        let written = match decide(&me, desired, live.as_ref(), &siblings) {
            Verdict::Current => {
                let keys: Vec<String> = desired.data.keys().cloned().collect();
                let digest = digest::keyed(&context.digest_key, &desired.data);
                return Ok(Some(Written { kind, name: name.clone(), keys, digest, now }));
            }
            Verdict::Refused(refusal) => return Err(refusal.into()),
            Verdict::Apply { resource_version, own } => {
                context.metrics.wrote(kind.as_str(), "apply");
                targets::apply(client, kind, &me, desired, resource_version.as_deref(), own).await
            }
            Verdict::Migrate { resource_version, managed_fields } => {
                context.metrics.wrote(kind.as_str(), "migrate");
                targets::migrate(client, kind, &me, name, &resource_version, &managed_fields).await
            }
            Verdict::Recreate { uid, resource_version } => {
                context.metrics.wrote(kind.as_str(), "delete");
                targets::delete(client, kind, &me.namespace, name, &uid, &resource_version).await
            }
        };
        match written {
            Ok(()) => now = true,
            // Somebody wrote in between: look again.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Trouble {
        reason: reason::TARGET_REFUSED,
        message: format!(
            "{} {name:?} is changed by somebody else again and again; find out who writes it",
            kind.as_str()
        ),
        retry_after: None,
    })
}

/// Leaves every target that carries this resource's hand and is not in `keep`.
pub async fn leave_unwanted(
    resource: &AzureKeyVaultSecret,
    context: &Context,
    keep: &[(TargetKind, String)],
) -> Vec<Trouble> {
    let me = targets::claimant(resource);
    let mut places = context.index.of(&me.namespace, &me.name, &me.manager());
    let status = resource.status.as_ref();
    places.extend(status.and_then(|s| s.secret_name.clone()).map(|n| (TargetKind::Secret, n)));
    places.extend(status.and_then(|s| s.config_map_name.clone()).map(|n| (TargetKind::ConfigMap, n)));
    // The original writes empty names.
    places.retain(|(_, name)| !name.is_empty());
    places.sort();
    places.dedup();
    let mut troubles = Vec::new();
    for (kind, name) in places.into_iter().filter(|p| !keep.contains(p)) {
        if let Err(error) = leave(context, &me, kind, &name).await {
            troubles.push(Trouble::from(error));
        }
    }
    troubles
}

/// Leaves one target: deletes it if nobody else has a part in it, else removes what is ours.
pub async fn leave(
    context: &Context,
    me: &akv_core::target::Claimant,
    kind: TargetKind,
    name: &str,
) -> kube::Result<()> {
    let live = targets::read(&context.client, kind, &me.namespace, name).await?;
    context.leadership.held().await;
    match release(&me.uid, &me.manager(), live.as_ref()) {
        Release::Nothing => Ok(()),
        Release::Delete { uid, resource_version } => {
            context.metrics.wrote(kind.as_str(), "delete");
            targets::delete(&context.client, kind, &me.namespace, name, &uid, &resource_version).await
        }
        Release::Strip => {
            context.metrics.wrote(kind.as_str(), "strip");
            let Some(live) = live else { return Ok(()) };
            targets::strip(&context.client, kind, me, name, &live).await
        }
    }
}

/// The keyed digest of these keys of a live target.
pub fn digest_of(context: &Context, live: &Live, keys: &[String]) -> String {
    let data = keys.iter().filter_map(|k| live.data.get(k).map(|v| (k.clone(), v.clone()))).collect();
    digest::keyed(&context.digest_key, &data)
}

/// Objects that Key Vault hands out although their dates say otherwise.
pub fn validity_warnings(objects: &[VaultObject]) -> Vec<String> {
    let now = Timestamp::now().as_second();
    let date = |s: i64| Timestamp::from_second(s).map_or_else(|_| s.to_string(), |t| t.to_string());
    let mut warnings = Vec::new();
    for object in objects {
        let alias = &object.description.alias;
        if let Some(expired) = object.expires.filter(|e| *e <= now) {
            warnings.push(format!("{alias}: the object expired on {}; rotate it in the vault", date(expired)));
        }
        if let Some(begin) = object.not_before.filter(|b| *b > now) {
            warnings.push(format!("{alias}: the object is not valid before {}", date(begin)));
        }
    }
    warnings
}
