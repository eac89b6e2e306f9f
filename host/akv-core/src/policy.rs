//! Who may use what: the `vaultAccess` policy of an installation, and the namespaces of a plugin.
//!
//! `vaultAccess` is a list of grants. Without one, everything is allowed; with one, only what a grant allows. A grant
//! names namespaces, vaults and objects; a field that it leaves away means all of them:
//!
//! ```yaml
//! vaultAccess:
//! - namespaces: [shop, "shop-*"]
//!   vaults: [shop-prod]
//!   objects: ["shop-*", certificate/wildcard]
//! - namespaces: [platform]
//! ```
//!
//! A pattern is a name, in which a `*` at the beginning or the end stands for any text. An object's pattern may begin with
//! `secret/`, `certificate/` or `key/`; a multi-key value is a secret. Vaults and objects ignore case, as Key Vault does.

mod pattern;
mod selector;

use crate::{Fault, ObjectKind, ObjectRef, VaultName};
use akv_api::reason;
use pattern::Pattern;
use serde::Deserialize;
use serde_json::Value;

pub use selector::plugin_allowed;

/// The `vaultAccess` policy; the default allows everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    grants: Vec<Grant>,
}

/// What some namespaces may read. `None` stands for everything.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    namespaces: Option<Vec<Pattern>>,
    vaults: Option<Vec<Pattern>>,
    objects: Option<Vec<(Option<KeyVaultKind>, Pattern)>>,
}

/// The three collections of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyVaultKind {
    Secret,
    Certificate,
    Key,
}

/// The document as written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[serde(default)]
    vault_access: Vec<WrittenGrant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGrant {
    namespaces: Option<Vec<String>>,
    vaults: Option<Vec<String>>,
    objects: Option<Vec<String>>,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// A sentence with the path, and with line and column where the YAML itself is wrong.
    pub fn from_yaml(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let document: Document = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        Self::from_document(document)
    }

    /// The same from a value that something else has read.
    ///
    /// # Errors
    /// A sentence with the path.
    pub fn from_value(value: Value) -> Result<Self, String> {
        Self::from_document(serde_json::from_value(value).map_err(|error| error.to_string())?)
    }

    fn from_document(document: Document) -> Result<Self, String> {
        let grants = document.vault_access.into_iter().enumerate();
        let grants = grants.map(|(index, grant)| Grant::parse(grant, &format!("vaultAccess[{index}]")));
        Ok(Self { grants: grants.collect::<Result<_, _>>()? })
    }

    /// Whether resources of `namespace` may read `object` of `vault`.
    ///
    /// # Errors
    /// A fault with reason `NotAllowed`.
    pub fn allows(&self, namespace: &str, vault: &VaultName, object: &ObjectRef) -> Result<(), Fault> {
        let allowed = self.grants.is_empty()
            || self.grants.iter().any(|grant| {
                grant.covers(namespace)
                    && matches_any(&grant.vaults, |pattern| pattern.matches_ignoring_case(vault.as_str()))
                    && matches_any(&grant.objects, |(kind, pattern)| {
                        kind.is_none_or(|kind| kind == KeyVaultKind::of(object.kind))
                            && pattern.matches_ignoring_case(object.name.as_str())
                    })
            });
        if allowed {
            return Ok(());
        }
        Err(Fault {
            path: "spec.vault".to_owned(),
            reason: reason::NOT_ALLOWED,
            message: format!(
                "the vaultAccess policy does not let namespace {namespace} read {} {} of vault {vault}: ask an administrator for a grant",
                object.kind.as_str(),
                object.name,
            ),
        })
    }

    /// Whether there is anything that resources of `namespace` may not read.
    pub fn restricts(&self, namespace: &str) -> bool {
        let whole = |grant: &Grant| {
            grant.covers(namespace)
                && matches_any(&grant.vaults, Pattern::is_everything)
                && matches_any(&grant.objects, |(kind, pattern)| kind.is_none() && pattern.is_everything())
        };
        !self.grants.is_empty() && !self.grants.iter().any(whole)
    }
}

/// See [`Policy::allows`].
///
/// # Errors
/// A fault with reason `NotAllowed`.
pub fn allows(policy: &Policy, namespace: &str, vault: &VaultName, object: &ObjectRef) -> Result<(), Fault> {
    policy.allows(namespace, vault, object)
}

fn matches_any<T>(patterns: &Option<Vec<T>>, matches: impl Fn(&T) -> bool) -> bool {
    patterns.as_ref().is_none_or(|patterns| patterns.iter().any(matches))
}

impl Grant {
    fn parse(written: WrittenGrant, path: &str) -> Result<Self, String> {
        Ok(Self {
            namespaces: list(written.namespaces, &format!("{path}.namespaces"), Pattern::parse)?,
            vaults: list(written.vaults, &format!("{path}.vaults"), Pattern::parse)?,
            objects: list(written.objects, &format!("{path}.objects"), object)?,
        })
    }

    fn covers(&self, namespace: &str) -> bool {
        matches_any(&self.namespaces, |pattern| pattern.matches(namespace))
    }
}

fn list<T>(
    written: Option<Vec<String>>,
    path: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Vec<T>>, String> {
    let Some(written) = written else {
        return Ok(None);
    };
    if written.is_empty() {
        return Err(format!("{path}: the list is empty, so this grants nothing: name something, or remove it for all"));
    }
    let parsed = written.iter().enumerate();
    parsed
        .map(|(index, text)| parse(text).map_err(|why| format!("{path}[{index}]: {why}")))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn object(text: &str) -> Result<(Option<KeyVaultKind>, Pattern), String> {
    let (kind, name) = match text.split_once('/') {
        None => (None, text),
        Some(("secret", name)) => (Some(KeyVaultKind::Secret), name),
        Some(("certificate", name)) => (Some(KeyVaultKind::Certificate), name),
        Some(("key", name)) => (Some(KeyVaultKind::Key), name),
        Some(_) => {
            return Err(format!("{text:?} begins with a kind that is not secret/, certificate/ or key/"));
        }
    };
    Ok((kind, Pattern::parse(name)?))
}

impl KeyVaultKind {
    fn of(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Secret | ObjectKind::MultiKeyValueSecret => Self::Secret,
            ObjectKind::Certificate => Self::Certificate,
            ObjectKind::Key => Self::Key,
        }
    }
}

#[cfg(test)]
mod tests;
