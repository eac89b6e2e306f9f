//! The Key Vault data plane: secrets, certificates and keys as version 2026-04-01 of the REST interface has them.

use crate::answer::Answer;
use crate::call::{Call, Verb};
use crate::jwt::now;
use crate::name;
use crate::refusal;
use crate::store::{Object, Store, Version};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Key Vault's page.
const PAGE: usize = 25;
/// The versions of the interface that Microsoft's SDKs ask for; the last is the latest.
const API_VERSIONS: [&str; 11] =
    ["2015-06-01", "2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"];

/// Does it. `base` is `https://<vault>.vault.localhost:PORT`.
pub fn run(
    store: &mut Store,
    call: &Call,
    vault: &str,
    base: &str,
    query: &HashMap<String, String>,
    body: &[u8],
) -> Answer {
    if let Err(refused) = legal(call, query) {
        return refused;
    }
    match call.verb {
        Verb::List => list(store, call, vault, base, query),
        Verb::Set => set(store, call, vault, base, body),
        _ => one(store, call, vault, base, query, body),
    }
}

fn legal(call: &Call, query: &HashMap<String, String>) -> Result<(), Answer> {
    let Some(version) = query.get("api-version") else {
        return Err(refusal::bad_parameter("api-version must be specified"));
    };
    let stable = version.split_once("-preview").map_or(version.as_str(), |(stable, _)| stable);
    if !API_VERSIONS.contains(&stable) {
        let latest = API_VERSIONS[API_VERSIONS.len() - 1];
        let message = format!(
            "The specified version ({version}) is not recognized. Consider using the latest supported version ({latest})."
        );
        return Err(refusal::bad_parameter(&message));
    }
    if !call.name.is_empty() && !name::is_object(&call.name) {
        return Err(refusal::bad_parameter(&format!("The request URI contains an invalid name: {}", call.name)));
    }
    Ok(())
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
        return refusal::not_found(call);
    };
    let at = |o: &Object| match call.version.as_str() {
        "" => o.versions.len().checked_sub(1),
        version => o.versions.iter().position(|v| v.id.eq_ignore_ascii_case(version)),
    };
    let Some(index) = at(object) else {
        return refusal::not_found(call);
    };
    let writes = matches!(call.verb, Verb::Update | Verb::Delete | Verb::Recover | Verb::Purge);
    if writes && object.is_managed() {
        return refusal::managed(call);
    }
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
            // A certificate's public half can be read while it is disabled.
            if version.bundle["attributes"]["enabled"] == json!(false) && call.kind != "certificates" {
                return refusal::disabled(call);
            }
            Answer::ok(Value::Object(bundle(call, object, version, base)))
        }
    }
}

fn set(store: &mut Store, call: &Call, vault: &str, base: &str, body: &[u8]) -> Answer {
    let Ok(Value::Object(given)) = serde_json::from_slice::<Value>(body) else {
        return bad_body();
    };
    let Some(value) = given.get("value").and_then(Value::as_str) else {
        return bad_body();
    };
    if value.len() > name::LARGEST_VALUE {
        let message = format!("The value exceeds the maximum permitted length of {} characters.", name::LARGEST_VALUE);
        return refusal::bad_parameter(&message);
    }
    if store.get(vault, "secrets", &call.name).is_some_and(Object::is_managed) {
        return refusal::managed(call);
    }
    if store.get(vault, "secrets", &call.name).is_some_and(|o| o.deleted) {
        return refusal::deleted(&call.name);
    }
    store.set_secret(vault, &call.name, given);
    let Some((object, version)) = store.get(vault, "secrets", &call.name).and_then(|o| Some((o, o.versions.last()?)))
    else {
        return refusal::not_found(call);
    };
    Answer::ok(Value::Object(bundle(call, object, version, base)))
}

fn bad_body() -> Answer {
    refusal::bad_parameter("The request body is not what the operation needs.")
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
        _ => {
            bundle.insert("id".to_owned(), id("secrets"));
            if object.is_managed() {
                bundle.insert("kid".to_owned(), id("keys"));
            }
        }
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
