//! The rows of the rendering tables that are about variables, through the executable and a vault.

use crate::container::variable;
use crate::vault::World;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What is needed of a row; `akv-defaults` reads all of it.
#[derive(Deserialize)]
struct Row {
    case: String,
    #[serde(default)]
    spec: Value,
    query: Option<String>,
    #[serde(default)]
    objects: BTreeMap<String, BTreeMap<String, Value>>,
    expect: Option<BTreeMap<String, BTreeMap<String, Value>>>,
    error: Option<Value>,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data")
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(data().join("fixtures").join(name)).expect("a fixture")
}

fn bytes(value: &Value) -> Vec<u8> {
    match (value["text"].as_str(), value["base64"].as_str(), value["file"].as_str()) {
        (Some(text), ..) => text.as_bytes().to_vec(),
        (_, Some(text), _) => STANDARD.decode(text).expect("base64"),
        (_, _, Some(name)) => fixture(name),
        _ => panic!("{value}"),
    }
}

fn text(value: &Value) -> String {
    String::from_utf8(bytes(value)).expect("UTF-8")
}

/// What the vault is seeded with: the row's object, in the vault's words.
fn seeded(row: &Row) -> Value {
    let mut vault = json!({"name": "shop-prod", "secrets": [], "certificates": [], "keys": []});
    let spec = &row.spec["vault"];
    let several = spec["objects"].as_array().cloned().unwrap_or_else(|| vec![spec["object"].clone()]);
    for object in several {
        let name = object["name"].as_str().expect("a name");
        let alias = object["as"].as_str().unwrap_or(name);
        let found = row.objects.get(alias).unwrap_or_else(|| panic!("{}: no object {alias}", row.case));
        let content_type = object["contentType"].as_str().or(found.get("contentType").and_then(Value::as_str));
        let public = found.get("public").and_then(|public| public["file"].as_str()).unwrap_or_default();
        let stem = public.split('.').next().unwrap_or_default();
        let (list, entry) = match (object["type"].as_str().expect("a type"), found.get("private")) {
            ("certificate", Some(private)) => ("certificates", json!({"name": name, "pfx": text(private).trim()})),
            ("certificate", None) | ("key", _) => {
                let pem = [fixture(&format!("{stem}.key")), fixture(&format!("{stem}.crt"))].concat();
                let pem = String::from_utf8(pem).expect("PEM");
                // A certificate makes a key of its name, of a key that is known.
                ("certificates", json!({"name": name, "pem": pem}))
            }
            (_, private) => {
                let value = text(private.expect("a value"));
                ("secrets", json!({"name": name, "value": value, "contentType": content_type}))
            }
        };
        vault[list].as_array_mut().expect("a list").push(entry);
    }
    vault
}

async fn check(row: &Row, query: &str) {
    let mut seed = seeded(row);
    seed["name"] = "shop".into();
    let world = World::seeded(&format!("table-{}", row.case), seed).await;
    let mut spec = row.spec.clone();
    spec["vault"]["name"] = "shop".into();
    world.resources(&[("o", spec)]);
    let mark = if query.is_empty() { "o@azurekeyvault".to_owned() } else { format!("o@azurekeyvault?{query}") };
    let ended = world.container(&["env", "-0"]).variable("V", mark).run().await;
    let expected = row.expect.as_ref().map(|expect| expect["environment"].values().next().expect("an entry"));
    match expected.map(bytes) {
        Some(value) if value.contains(&0) => assert!(ended.failure(1).contains("zero byte"), "{}", row.case),
        Some(value) => {
            let printed = ended.good();
            let found = variable(&printed, "V").unwrap_or_default();
            // A key in JSON has as many orders as makers.
            match serde_json::from_slice::<Value>(&value) {
                Ok(json) if json.is_object() => {
                    let found: Value = serde_json::from_str(found).expect("JSON");
                    assert_eq!((&found["n"], &found["kty"]), (&json["n"], &json["kty"]), "{}", row.case);
                }
                _ => assert_eq!(found, String::from_utf8_lossy(&value), "{}", row.case),
            }
        }
        None => {
            let code = row.error.as_ref().and_then(|error| error["code"].as_str()).expect("a row expects something");
            let line = ended.failure(1);
            assert!(line.contains("resource o") && line.contains(code), "{}: {line}", row.case);
        }
    }
    assert!(world.vault.counters().keys().all(|label| !label.contains(".list")), "{}", row.case);
}

#[tokio::test]
async fn every_row_about_a_variable_holds_in_a_process() {
    let mut rows = 0;
    let mut files: Vec<_> = fs::read_dir(data().join("rendering")).expect("tables").flatten().collect();
    files.sort_by_key(fs::DirEntry::path);
    for file in files.iter().filter(|file| file.path().extension().is_some_and(|end| end == "yaml")) {
        let table = fs::read_to_string(file.path()).expect("a table");
        for row in serde_yaml_ng::from_str::<Vec<Row>>(&table).expect("rows") {
            // A certificate without its key comes from no vault: there it is one whose key does not leave.
            let keyless =
                row.objects.values().any(|object| object.get("private").is_some_and(|p| p["file"] == "no-key.b64"));
            if let Some(query) = row.query.as_ref().filter(|_| !keyless) {
                check(&row, query).await;
                rows += 1;
            }
        }
    }
    assert!(rows >= 15, "{rows}");
}
