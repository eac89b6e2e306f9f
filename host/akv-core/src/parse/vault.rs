//! `spec.vault`: which vault, which objects.

use super::findings::Findings;
use crate::{Alias, Description, ObjectKind, ObjectName, ObjectRef, ObjectVersion, VaultName};
use akv_api::rule::{bound, secret as rule};
use akv_api::secret::{ContentType, ObjectType, VaultSpec};

/// An object as written, whichever of the two fields it stands in.
pub(super) struct Written<'a> {
    path: String,
    /// The alias; a single `object` is called by its own name.
    pub alias: &'a str,
    /// Whether it stands in `object`.
    pub single: bool,
    name: &'a str,
    /// Its kind.
    pub kind: ObjectType,
    version: Option<&'a str>,
    content_type: Option<ContentType>,
}

/// The objects as written, unchecked.
pub(super) fn objects(vault: &VaultSpec) -> Vec<Written<'_>> {
    let single = vault.object.iter().map(|object| Written {
        path: "spec.vault.object".to_owned(),
        alias: &object.name,
        single: true,
        name: &object.name,
        kind: object.kind,
        version: object.version.as_deref(),
        content_type: object.content_type,
    });
    let several = vault.objects.iter().flatten().enumerate().map(|(index, object)| Written {
        path: format!("spec.vault.objects[{index}]"),
        alias: &object.alias,
        single: false,
        name: &object.name,
        kind: object.kind,
        version: object.version.as_deref(),
        content_type: object.content_type,
    });
    single.chain(several).collect()
}

/// The vault's name.
pub(super) fn name(vault: &VaultSpec, findings: &mut Findings) -> Option<VaultName> {
    let name = VaultName::parse(&vault.name);
    findings.keep(&rule::VAULT_NAME, "spec.vault.name", name.is_ok());
    if vault.azure_identity.is_some() {
        findings.warn(
            "spec.vault.azureIdentity",
            "`azureIdentity` is ignored, as it always was: the vault is read with the controller's own identity",
        );
    }
    name.ok()
}

/// The objects, checked; as long as `objects` only if there is no fault.
pub(super) fn descriptions(vault: &VaultSpec, objects: &[Written<'_>], findings: &mut Findings) -> Vec<Description> {
    let (one, several) = (vault.object.is_some(), vault.objects.as_ref());
    findings.keep(&rule::OBJECT_MISSING, "spec.vault.object", one || several.is_some());
    findings.keep(&rule::OBJECT_AND_OBJECTS, "spec.vault.object", !one || several.is_none());
    if let Some(several) = several {
        findings.keep(&rule::OBJECTS_EMPTY, "spec.vault.objects", !several.is_empty());
        findings.at_most("spec.vault.objects", several.len(), bound::OBJECTS);
    }
    let mut seen = Vec::new();
    let mut descriptions = Vec::new();
    for object in objects {
        let described = description(object, findings);
        if !object.single {
            let path = format!("{}.as", object.path);
            findings.keep(&rule::ALIAS_TWICE, path, !seen.contains(&object.alias));
            seen.push(object.alias);
        }
        descriptions.extend(described);
    }
    descriptions
}

fn description(object: &Written<'_>, findings: &mut Findings) -> Option<Description> {
    let at = |field: &str| format!("{}.{field}", object.path);
    let name = ObjectName::parse(object.name).ok();
    findings.keep(&rule::OBJECT_NAME, at("name"), name.is_some());
    // Every object name is an alias, so a single object has no fault of its own here.
    let alias = Alias::parse(object.alias).ok();
    findings.keep(&rule::ALIAS, at("as"), object.single || alias.is_some());
    let version = match object.version {
        None | Some("") => None,
        Some(text) => {
            let version = ObjectVersion::parse(text).ok();
            findings.keep(&rule::OBJECT_VERSION, at("version"), version.is_some());
            version
        }
    };
    let multi = object.kind == ObjectType::MultiKeyValueSecret;
    findings.keep(&rule::CONTENT_TYPE_MISSING, at("contentType"), !multi || object.content_type.is_some());
    if !multi && object.content_type.is_some() {
        findings.warn(
            at("contentType"),
            "`contentType` is about objects of type multi-key-value-secret: it is ignored here",
        );
    }
    let media_type = object.content_type.filter(|_| multi).map(|content_type| match content_type {
        ContentType::Json => "application/x-json",
        ContentType::Yaml => "application/x-yaml",
    });
    Some(Description {
        alias: alias?,
        object: ObjectRef { kind: kind(object.kind), name: name?, version },
        attributes: media_type.map(|text| ("content-type".to_owned(), text.to_owned())).into_iter().collect(),
    })
}

fn kind(written: ObjectType) -> ObjectKind {
    match written {
        ObjectType::Secret => ObjectKind::Secret,
        ObjectType::Certificate => ObjectKind::Certificate,
        ObjectType::Key => ObjectKind::Key,
        ObjectType::MultiKeyValueSecret => ObjectKind::MultiKeyValueSecret,
    }
}
