//! The leaves of the schema, and that each of them changes what is rendered.

use super::helm::{at, chart, put, template, yaml};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A value that users set: its path and its schema.
pub fn leaves() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    collect(&yaml(&chart("akv2k8s").join("values.schema.json")), "", &mut found);
    assert!(found.len() > 150, "only {} values were found", found.len());
    found
}

fn collect(schema: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match schema["properties"].as_object() {
        Some(properties) => {
            for (name, below) in properties {
                collect(below, &format!("{path}.{name}"), found);
            }
        }
        None => found.push((path.trim_start_matches('.').to_owned(), schema.clone())),
    }
}

#[test]
fn each_value_has_a_default_and_each_default_is_a_value() {
    let values = yaml(&chart("akv2k8s").join("values.yaml"));
    let leaves = leaves();
    for (path, schema) in &leaves {
        assert!(at(&values, path).is_some(), "{path} has no default in values.yaml");
        assert!(schema["description"].as_str().is_some_and(|text| text.len() > 5), "{path} says nothing");
    }
    let mut strays = Vec::new();
    stray(&values, "", &leaves, &mut strays);
    assert!(strays.is_empty(), "values.yaml has what the schema does not know: {strays:?}");
}

fn stray(values: &Value, path: &str, leaves: &[(String, Value)], found: &mut Vec<String>) {
    if leaves.iter().any(|(leaf, _)| leaf == path) {
        return;
    }
    match values.as_object() {
        Some(map) => map.iter().for_each(|(name, below)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            stray(below, &path, leaves, found);
        }),
        None => found.push(path.to_owned()),
    }
}

#[test]
fn the_comment_above_each_value_is_its_description() {
    let text = std::fs::read_to_string(chart("akv2k8s").join("values.yaml")).expect("the values");
    let (mut path, mut above, mut comments) = (Vec::new(), Vec::new(), BTreeMap::new());
    for line in text.lines() {
        let inner = line.trim_start();
        if let Some(comment) = inner.strip_prefix("# ") {
            above.push(comment);
        } else if let Some((name, _)) = inner.split_once(':') {
            path.truncate((line.len() - inner.len()) / 2);
            path.push(name);
            comments.insert(path.join("."), std::mem::take(&mut above).join(" "));
        } else {
            above.clear();
        }
    }
    for (path, schema) in leaves() {
        assert_eq!(comments.get(&path).map(String::as_str), schema["description"].as_str(), "{path}");
    }
}

#[test]
fn each_value_changes_what_is_rendered() {
    let mut silent = Vec::new();
    let mut dropped = 0;
    for (path, schema) in leaves() {
        let Some(example) = schema["examples"].get(0) else {
            assert_eq!(schema["deprecated"], json!(true), "{path} has no example");
            dropped += 1;
            continue;
        };
        let mut values = schema.get("x-with").cloned().unwrap_or_else(|| json!({}));
        let render = |values: &Value| template(values).unwrap_or_else(|e| panic!("{path}: {values}: {e}"));
        let before = render(&values);
        put(&mut values, &path, example.clone());
        if render(&values) == before {
            silent.push(path);
        }
    }
    assert!(silent.is_empty(), "these change nothing: {silent:?}");
    assert!(dropped < 10, "{dropped} values have no effect");
}
