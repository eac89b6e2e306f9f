//! The Key Vault data plane: secrets, certificates and keys as version 2025-07-01 of the REST interface has them.

use crate::answer::Answer;
use crate::jwt::now;
use crate::seed::{Operation, Role};
use crate::store::{Object, Store, Version};
use crate::token::Caller;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Key Vault's page.
const PAGE: usize = 25;

/// What a request wants, parsed from method and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `secrets`, `certificates` or `keys`.
    pub kind: String,
    /// What is done.
    pub verb: Verb,
    /// The object; empty for a list.
    pub name: String,
    /// A version; empty for the latest.
    pub version: String,
}

/// What is done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Read one.
    Get,
    /// List objects.
    List,
    /// List versions of one.
    Versions,
    /// The policy of a certificate.
    Policy,
    /// Write a new version.
    Set,
    /// Change attributes.
    Update,
    /// Delete softly.
    Delete,
    /// Read a deleted one.
    GetDeleted,
    /// Bring a deleted one back.
    Recover,
    /// Delete for good.
    Purge,
}

impl Call {
    /// `None` for what this service does not have.
    #[must_use]
    pub fn parse(method: &str, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (kind, rest) = parts.split_first()?;
        let call = |kind: &str, verb, name: &str, version: &str| {
            Some(Self { kind: kind.to_owned(), verb, name: name.to_owned(), version: version.to_owned() })
        };
        match (method, *kind, rest) {
            (m, "deletedsecrets", [name]) => match m {
                "GET" => call("secrets", Verb::GetDeleted, name, ""),
                "DELETE" => call("secrets", Verb::Purge, name, ""),
                _ => None,
            },
            ("POST", "deletedsecrets", [name, "recover"]) => call("secrets", Verb::Recover, name, ""),
            ("GET", "secrets" | "certificates" | "keys", []) => call(kind, Verb::List, "", ""),
            ("GET", "secrets" | "certificates" | "keys", [name, "versions"]) => call(kind, Verb::Versions, name, ""),
            ("GET", "certificates", [name, "policy"]) => call(kind, Verb::Policy, name, ""),
            ("GET", "secrets" | "certificates" | "keys", [name]) => call(kind, Verb::Get, name, ""),
            ("GET", "secrets" | "certificates" | "keys", [name, version]) => call(kind, Verb::Get, name, version),
            ("PUT", "secrets", [name]) => call(kind, Verb::Set, name, ""),
            ("PATCH", "secrets", [name]) => call(kind, Verb::Update, name, ""),
            ("PATCH", "secrets", [name, version]) => call(kind, Verb::Update, name, version),
            ("DELETE", "secrets", [name]) => call(kind, Verb::Delete, name, ""),
            _ => None,
        }
    }

    /// The word of faults and counters, such as `secrets.get`.
    #[must_use]
    pub fn operation(&self) -> String {
        let verb = match self.verb {
            Verb::Get | Verb::Policy | Verb::GetDeleted => "get",
            Verb::List | Verb::Versions => "list",
            Verb::Set | Verb::Update | Verb::Recover => "set",
            Verb::Delete | Verb::Purge => "delete",
        };
        format!("{}.{verb}", self.kind)
    }

    fn permission(&self) -> Option<Operation> {
        Some(match self.operation().as_str() {
            "secrets.get" => Operation::SecretsGet,
            "secrets.list" => Operation::SecretsList,
            "secrets.set" => Operation::SecretsSet,
            "secrets.delete" => Operation::SecretsDelete,
            "certificates.get" => Operation::CertificatesGet,
            "certificates.list" => Operation::CertificatesList,
            "keys.get" => Operation::KeysGet,
            "keys.list" => Operation::KeysList,
            _ => return None,
        })
    }

    /// Whether one of the roles allows it.
    #[must_use]
    pub fn allowed(&self, vault: &str, roles: &[Role]) -> bool {
        let permission = self.permission();
        roles.iter().any(|role| {
            (role.vault == "*" || role.vault == vault)
                && permission.is_some_and(|p| role.allow.contains(&p))
                && self.name.to_lowercase().starts_with(&role.prefix.to_lowercase())
        })
    }
}

/// Key Vault's text for an identity without a role, line breaks included.
#[must_use]
pub fn forbidden(call: &Call, vault: &str, caller: &Caller) -> Answer {
    let singular = call.kind.trim_end_matches('s');
    let message = format!(
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: appid={};oid={}\r\nAction: 'Microsoft.KeyVault/vaults/{}/{}/action'\r\nResource: '/subscriptions/0/vaults/{vault}/{singular}/{}'\r\nAssignment: (not found)\r\nVault: {vault};location=local\r\n",
        caller.client_id,
        caller.oid,
        call.kind,
        call.operation().rsplit('.').next().unwrap_or_default(),
        call.name,
    );
    Answer::error(403, "Forbidden", Some("ForbiddenByRbac"), &message)
}

/// Does it. `base` is `https://<vault>.vault.localhost:PORT`.
pub fn run(
    store: &mut Store,
    call: &Call,
    vault: &str,
    base: &str,
    query: &HashMap<String, String>,
    body: &[u8],
) -> Answer {
    if !query.contains_key("api-version") {
        return Answer::error(400, "BadParameter", None, "api-version must be specified");
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if call.name.len() > 127 || !call.name.chars().all(legal) {
        return Answer::error(400, "BadParameter", None, "The request URI contains an invalid name.");
    }
    match call.verb {
        Verb::List => list(store, call, vault, base, query),
        Verb::Set => set(store, call, vault, base, body),
        _ => one(store, call, vault, base, query, body),
    }
}

fn not_found(call: &Call) -> Answer {
    let (code, singular) = match call.kind.as_str() {
        "certificates" => ("CertificateNotFound", "certificate"),
        "keys" => ("KeyNotFound", "key"),
        _ => ("SecretNotFound", "secret"),
    };
    let message = format!(
        "A {singular} with (name/id) {} was not found in this key vault. If you recently deleted this {singular} you may be able to recover it.",
        call.name
    );
    Answer::error(404, code, None, &message)
}

fn one(
    store: &mut Store,
    call: &Call,
    vault: &str,
    base: &str,
    query: &HashMap<String, String>,
    body: &[u8],
) -> Answer {
    let wants_deleted = matches!(call.verb, Verb::GetDeleted | Verb::Recover | Verb::Purge);
    let Some(object) = store.get_mut(vault, &call.kind, &call.name).filter(|o| o.deleted == wants_deleted) else {
        return not_found(call);
    };
    let at = |o: &Object| match call.version.as_str() {
        "" => o.versions.len().checked_sub(1),
        version => o.versions.iter().position(|v| v.id.eq_ignore_ascii_case(version)),
    };
    let Some(index) = at(object) else {
        return not_found(call);
    };
    match call.verb {
        Verb::Versions => {
            let mut versions: Vec<&Version> = object.versions.iter().collect();
            // By their hash, not by time.
            versions.sort_by(|a, b| a.id.cmp(&b.id));
            let items = versions.into_iter().map(|v| item(call, object, v, base, true)).collect();
            page(items, &format!("{base}/{}/{}/versions", call.kind, object.name), query)
        }
        Verb::Policy => Answer::ok(object.versions[index].bundle.get("policy").cloned().unwrap_or(Value::Null)),
        Verb::Update => {
            let Ok(Value::Object(changes)) = serde_json::from_slice(body) else {
                return bad_body();
            };
            update(&mut object.versions[index], changes);
            let mut answer = bundle(call, object, &object.versions[index], base);
            answer.remove("value");
            Answer::ok(Value::Object(answer))
        }
        Verb::Delete => {
            object.deleted = true;
            Answer::ok(deleted(call, object, index, base))
        }
        Verb::GetDeleted => Answer::ok(deleted(call, object, index, base)),
        Verb::Recover => {
            object.deleted = false;
            Answer::ok(item(call, object, &object.versions[index], base, true))
        }
        Verb::Purge => {
            store.purge(vault, &call.kind, &call.name);
            Answer { status: 204, headers: Vec::new(), body: Value::Null }
        }
        _ => {
            let version = &object.versions[index];
            if version.bundle["attributes"]["enabled"] == json!(false) && call.kind == "secrets" {
                return Answer::error(
                    403,
                    "Forbidden",
                    Some("SecretDisabled"),
                    "Operation get is not allowed on a disabled secret.",
                );
            }
            Answer::ok(Value::Object(bundle(call, object, version, base)))
        }
    }
}

fn set(store: &mut Store, call: &Call, vault: &str, base: &str, body: &[u8]) -> Answer {
    let Ok(Value::Object(given)) = serde_json::from_slice::<Value>(body) else {
        return bad_body();
    };
    if !given.get("value").is_some_and(Value::is_string) {
        return bad_body();
    }
    if store.get(vault, "secrets", &call.name).is_some_and(|o| o.deleted) {
        let message = format!(
            "Secret {} is currently in a deleted but recoverable state, and its name cannot be reused.",
            call.name
        );
        return Answer::error(409, "Conflict", Some("ObjectIsDeletedButRecoverable"), &message);
    }
    store.set_secret(vault, &call.name, given);
    let Some((object, version)) = store.get(vault, "secrets", &call.name).and_then(|o| Some((o, o.versions.last()?)))
    else {
        return not_found(call);
    };
    Answer::ok(Value::Object(bundle(call, object, version, base)))
}

fn bad_body() -> Answer {
    Answer::error(400, "BadParameter", None, "The request body is not what the operation needs.")
}

fn update(version: &mut Version, changes: Map<String, Value>) {
    for (key, value) in changes {
        match (key.as_str(), value) {
            ("attributes", Value::Object(given)) => {
                given.into_iter().for_each(|(k, v)| version.bundle["attributes"][k] = v)
            }
            ("value", _) => {}
            (_, value) => drop(version.bundle.insert(key, value)),
        }
    }
    version.bundle["attributes"]["updated"] = json!(now());
}

fn bundle(call: &Call, object: &Object, version: &Version, base: &str) -> Map<String, Value> {
    let id = |kind: &str| json!(format!("{base}/{kind}/{}/{}", object.name, version.id));
    let mut bundle = version.bundle.clone();
    match call.kind.as_str() {
        "keys" => bundle["key"]["kid"] = id("keys"),
        "certificates" => {
            bundle.insert("id".to_owned(), id("certificates"));
            bundle.insert("kid".to_owned(), id("keys"));
            bundle.insert("sid".to_owned(), id("secrets"));
        }
        _ => drop(bundle.insert("id".to_owned(), id("secrets"))),
    }
    bundle
}

/// An object in a list: what is known without reading it.
fn item(call: &Call, object: &Object, version: &Version, base: &str, versioned: bool) -> Value {
    let tail = if versioned { format!("/{}", version.id) } else { String::new() };
    let name = if call.kind == "keys" { "kid" } else { "id" };
    let mut item = json!({ name: format!("{base}/{}/{}{tail}", call.kind, object.name) });
    for field in ["attributes", "tags", "contentType", "managed"] {
        if let Some(value) = version.bundle.get(field) {
            item[field] = value.clone();
        }
    }
    item
}

fn deleted(call: &Call, object: &Object, index: usize, base: &str) -> Value {
    let mut answer = item(call, object, &object.versions[index], base, true);
    answer["recoveryId"] = json!(format!("{base}/deletedsecrets/{}", object.name));
    answer["deletedDate"] = json!(now());
    answer["scheduledPurgeDate"] = json!(now() + 90 * 86_400);
    answer
}

fn list(store: &Store, call: &Call, vault: &str, base: &str, query: &HashMap<String, String>) -> Answer {
    let objects = store.list(vault, &call.kind).into_iter().filter(|o| !o.deleted);
    let items = objects.filter_map(|o| Some(item(call, o, o.versions.last()?, base, false))).collect();
    page(items, &format!("{base}/{}", call.kind), query)
}

fn page(items: Vec<Value>, url: &str, query: &HashMap<String, String>) -> Answer {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let (skip, size) = (number("$skiptoken").unwrap_or(0), number("maxresults").unwrap_or(PAGE).clamp(1, PAGE));
    let version = query.get("api-version").map(String::as_str).unwrap_or_default();
    let more = skip + size < items.len();
    let next = more.then(|| format!("{url}?api-version={version}&$skiptoken={}&maxresults={size}", skip + size));
    let value: Vec<Value> = items.into_iter().skip(skip).take(size).collect();
    Answer::ok(json!({"value": value, "nextLink": next}))
}
