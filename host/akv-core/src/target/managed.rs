//! `metadata.managedFields`: the API server's memory of who wrote what (FieldsV1, a tree of `f:`, `k:` and `v:` keys).

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The name under which the original controller wrote, the base name of its program.
const LEGACY_MANAGERS: [&str; 2] = ["azure-keyvault-controller", "akv2k8s-controller"];
/// The API server's limit for a manager's name.
const MANAGER_LIMIT: usize = 128;

/// The field manager of one resource: `akv2k8s/<name>`. A name that is too long is cut and ends in its hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldManager(String);

impl FieldManager {
    /// The manager of the resource with this name.
    pub fn of(resource: &str) -> Self {
        let whole = format!("{}/{resource}", akv_api::name::FIELD_MANAGER_PREFIX);
        if whole.len() <= MANAGER_LIMIT {
            return Self(whole);
        }
        let hash = hex::encode(&Sha256::digest(resource.as_bytes())[..8]);
        Self(format!("{}~{hash}", &whole[..MANAGER_LIMIT - 17]))
    }

    /// Whether a manager's name is that of some resource.
    pub fn is_resource(manager: &str) -> bool {
        manager.starts_with(akv_api::name::FIELD_MANAGER_PREFIX)
            && manager[akv_api::name::FIELD_MANAGER_PREFIX.len()..].starts_with('/')
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One entry of `managedFields`.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagedEntry {
    /// Who.
    pub manager: String,
    /// Whether by server-side apply; else by create, update or patch.
    pub applied: bool,
    /// The entry's FieldsV1.
    pub fields: Value,
    /// The whole entry as the server gave it.
    pub raw: Value,
}

impl ManagedEntry {
    /// Reads one item of `metadata.managedFields`.
    pub fn parse(raw: Value) -> Self {
        let text = |key: &str| raw.get(key).and_then(Value::as_str).unwrap_or_default();
        Self {
            manager: text("manager").to_owned(),
            applied: text("operation") == "Apply",
            fields: raw.get("fieldsV1").cloned().unwrap_or(Value::Null),
            raw,
        }
    }

    /// Whether the original controller wrote it.
    pub fn is_legacy(&self) -> bool {
        !self.applied && LEGACY_MANAGERS.contains(&self.manager.as_str())
    }

    /// Keys of `data` and `binaryData`.
    pub fn data_keys(&self) -> BTreeSet<String> {
        let mut keys = self.below(&["f:data"]);
        keys.extend(self.below(&["f:binaryData"]));
        keys
    }

    /// Keys of `metadata.labels`.
    pub fn labels(&self) -> BTreeSet<String> {
        self.below(&["f:metadata", "f:labels"])
    }

    /// Keys of `metadata.annotations`.
    pub fn annotations(&self) -> BTreeSet<String> {
        self.below(&["f:metadata", "f:annotations"])
    }

    fn below(&self, path: &[&str]) -> BTreeSet<String> {
        let mut node = &self.fields;
        for step in path {
            match node.get(step) {
                Some(next) => node = next,
                None => return BTreeSet::new(),
            }
        }
        let keys = node.as_object().into_iter().flat_map(Map::keys);
        keys.filter_map(|k| k.strip_prefix("f:")).map(str::to_owned).collect()
    }
}

/// What one resource owns in a target, as FieldsV1.
pub fn fields_of(
    data: &BTreeSet<&str>,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
    owner_uid: &str,
    typed: bool,
) -> Value {
    let set = |keys: Vec<&str>| {
        let mut map: Map<String, Value> = keys.into_iter().map(|k| (format!("f:{k}"), json!({}))).collect();
        map.insert(".".to_owned(), json!({}));
        Value::Object(map)
    };
    let mut metadata = Map::new();
    if !labels.is_empty() {
        metadata.insert("f:labels".to_owned(), set(labels.keys().map(String::as_str).collect()));
    }
    if !annotations.is_empty() {
        metadata.insert("f:annotations".to_owned(), set(annotations.keys().map(String::as_str).collect()));
    }
    let owner = format!("k:{{\"uid\":\"{owner_uid}\"}}");
    metadata.insert("f:ownerReferences".to_owned(), json!({ owner: {} }));
    let mut fields = Map::new();
    fields.insert("f:data".to_owned(), set(data.iter().copied().collect()));
    fields.insert("f:metadata".to_owned(), Value::Object(metadata));
    if typed {
        fields.insert("f:type".to_owned(), json!({}));
    }
    Value::Object(fields)
}

/// `managedFields` after `entry` took `wanted` over from the original controller: one entry more, theirs without it.
pub fn migrate(managed: &[ManagedEntry], manager: &FieldManager, wanted: &Value) -> Value {
    let mut entries: Vec<Value> = Vec::new();
    let mut api_version = json!("v1");
    for entry in managed {
        let mut raw = entry.raw.clone();
        if entry.is_legacy() {
            if let Some(version) = raw.get("apiVersion") {
                api_version = version.clone();
            }
            match subtract(&entry.fields, wanted) {
                Some(rest) => raw["fieldsV1"] = rest,
                None => continue,
            }
        }
        entries.push(raw);
    }
    entries.push(json!({
        "manager": manager.as_str(),
        "operation": "Apply",
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": wanted,
    }));
    Value::Array(entries)
}

/// `from` without the leaves of `what`; nothing if nothing is left.
fn subtract(from: &Value, what: &Value) -> Option<Value> {
    let (Some(from), Some(what)) = (from.as_object(), what.as_object()) else {
        return Some(from.clone());
    };
    let mut rest = Map::new();
    for (key, node) in from {
        match what.get(key) {
            None => drop(rest.insert(key.clone(), node.clone())),
            Some(taken) if taken.as_object().is_some_and(|t| !t.is_empty()) => {
                if let Some(left) = subtract(node, taken) {
                    rest.insert(key.clone(), left);
                }
            }
            Some(_) => {}
        }
    }
    (!rest.is_empty()).then_some(Value::Object(rest))
}
