//! What the API server does with a manifest before any rule: types, required fields, lists of words, unknown fields.
//!
//! The schemas are those of the generated definitions, so a manifest is read here as the server reads it: in the version
//! that it is written in, unknown fields dropped, then converted by renaming; and what is wrong is said in its words.

use super::finding::Remark;
use super::locate::join;
use akv_api::reason::INVALID_SPEC;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Map, Value};

/// Checks `value` against `schema` and drops what the schema does not know.
pub fn check(schema: &JSONSchemaProps, value: &mut Value, path: &str, remarks: &mut Vec<Remark>) {
    let wrong = |message: String| Remark::fault(INVALID_SPEC, path, message);
    if let Some(expected) = schema.type_.as_deref()
        && !is(expected, value)
    {
        if !(value.is_null() && schema.nullable == Some(true)) {
            let hint = if expected == "string" && !value.is_null() { "; put it in quotes" } else { "" };
            remarks.push(wrong(format!("must be of type {expected}: {:?}{hint}", word(value))));
        }
        return;
    }
    if let Some(words) = &schema.enum_
        && !words.iter().any(|w| w.0 == *value)
    {
        let words: Vec<String> = words.iter().map(|w| w.0.to_string()).collect();
        remarks.push(wrong(format!("Unsupported value: {value}: supported values: {}", words.join(", "))));
    }
    match value {
        Value::String(text) => {
            if let Some(most) = schema.max_length.filter(|m| text.chars().count() as i64 > *m) {
                remarks.push(wrong(format!("may not be more than {most} bytes")));
            }
        }
        Value::Array(items) => {
            if let Some(most) = schema.max_items.filter(|m| items.len() as i64 > *m) {
                remarks.push(wrong(format!("must have at most {most} items")));
            }
            if let Some(JSONSchemaPropsOrArray::Schema(of_item)) = &schema.items {
                for (i, item) in items.iter_mut().enumerate() {
                    check(of_item, item, &format!("{path}[{i}]"), remarks);
                }
            }
        }
        Value::Object(fields) => {
            if let Some(most) = schema.max_properties.filter(|m| fields.len() as i64 > *m) {
                remarks.push(wrong(format!("must have at most {most} items")));
            }
            check_fields(schema, fields, path, remarks);
        }
        _ => {}
    }
}

fn check_fields(schema: &JSONSchemaProps, fields: &mut Map<String, Value>, path: &str, remarks: &mut Vec<Remark>) {
    for name in schema.required.iter().flatten().filter(|n| !fields.contains_key(*n)) {
        remarks.push(Remark::fault(INVALID_SPEC, join(path, name), "Required value"));
    }
    let known = schema.properties.as_ref();
    let additional = schema.additional_properties.as_ref();
    let any = schema.x_kubernetes_preserve_unknown_fields == Some(true)
        || matches!(additional, Some(JSONSchemaPropsOrBool::Bool(true)));
    let mut unknown = Vec::new();
    for (name, value) in fields.iter_mut() {
        let here = join(path, name);
        match (known.and_then(|k| k.get(name)), additional) {
            (Some(schema), _) => check(schema, value, &here, remarks),
            (None, Some(JSONSchemaPropsOrBool::Schema(schema))) => check(schema, value, &here, remarks),
            _ if any => {}
            _ => {
                let near = nearest(name, known.into_iter().flat_map(|k| k.keys()));
                let hint = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
                remarks.push(Remark::warning(
                    here,
                    format!("this version of the resource has no such field, and the API server drops it{hint}"),
                ));
                unknown.push(name.clone());
            }
        }
    }
    for name in unknown {
        fields.shift_remove(&name);
    }
}

fn is(expected: &str, value: &Value) -> bool {
    match expected {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    }
}

fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The known name that an author may have meant: the same but for case and one or two letters.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let lower = name.to_lowercase();
    known.map(|k| (distance(&lower, &k.to_lowercase()), k)).filter(|(d, _)| *d <= 2).min().map(|(_, k)| k)
}

/// Letters to insert, remove or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let cost = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> JSONSchemaProps {
        serde_json::from_value(json!({
            "type": "object", "required": ["name", "kind"],
            "properties": {
                "name": {"type": "string", "maxLength": 3},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "list": {"type": "array", "maxItems": 2, "items": {"type": "object", "properties": {"dataKey": {"type": "string"}}}},
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            },
        }))
        .unwrap()
    }

    fn says(mut value: Value, expected: &[(&str, &str)]) -> Value {
        let mut remarks = Vec::new();
        check(&schema(), &mut value, "", &mut remarks);
        let said: Vec<(&str, &str)> = remarks.iter().map(|r| (r.path.as_str(), r.message.as_str())).collect();
        assert_eq!(said, expected);
        value
    }

    #[test]
    fn a_good_value_passes_unchanged() {
        let value = json!({"name": "abc", "kind": "a", "list": [{"dataKey": "x"}], "any": {"deep": [1, {}]}});
        assert_eq!(says(value.clone(), &[]), value);
    }

    #[test]
    fn types_words_bounds_and_missing_fields_are_faults() {
        says(
            json!({"name": 1, "kind": "c"}),
            &[
                ("name", "must be of type string: \"integer\"; put it in quotes"),
                ("kind", "Unsupported value: \"c\": supported values: \"a\", \"b\""),
            ],
        );
        says(
            json!({"name": "abcd", "list": [{}, {"dataKey": null}, {}]}),
            &[
                ("kind", "Required value"),
                ("name", "may not be more than 3 bytes"),
                ("list", "must have at most 2 items"),
                ("list[1].dataKey", "must be of type string: \"null\""),
            ],
        );
    }

    #[test]
    fn unknown_fields_are_dropped_with_a_hint() {
        let left = says(
            json!({"name": "a", "kind": "a", "list": [{"datakey": "x"}], "colour": 1}),
            &[
                (
                    "list[0].datakey",
                    "this version of the resource has no such field, and the API server drops it; did you mean dataKey?",
                ),
                ("colour", "this version of the resource has no such field, and the API server drops it"),
            ],
        );
        assert_eq!(left, json!({"name": "a", "kind": "a", "list": [{}]}));
    }
}
