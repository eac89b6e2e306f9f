//! Whether the server's custom resources know every field that this program knows.
//!
//! An older schema prunes new fields without a word, so a controller that is newer than it must not act.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

/// What is missing on the server, a line; `None` when all is there.
pub async fn missing(client: &Client) -> kube::Result<Option<String>> {
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    for ours in akv_api::crd::all() {
        let name = ours.name_any();
        let Some(theirs) = api.get_opt(&name).await? else {
            return Ok(Some(format!("there is no CustomResourceDefinition {name}; run `akv2k8s crd apply`")));
        };
        if let Some(path) = lacks(&theirs, &ours) {
            return Ok(Some(format!(
                "CustomResourceDefinition {name} is older than this program, it lacks {path}; run `akv2k8s crd apply`"
            )));
        }
    }
    Ok(None)
}

/// The first field, with its version, that the server's definition lacks and ours has.
pub fn lacks(theirs: &CustomResourceDefinition, ours: &CustomResourceDefinition) -> Option<String> {
    first_missing(&schemas(ours), &schemas(theirs), "")
}

/// The schemas of a definition by version.
fn schemas(crd: &CustomResourceDefinition) -> Value {
    let versions =
        crd.spec.versions.iter().map(|v| (v.name.clone(), serde_json::to_value(&v.schema).unwrap_or(Value::Null)));
    Value::Object(versions.collect())
}

/// The first property of `ours` that `theirs` lacks.
fn first_missing(ours: &Value, theirs: &Value, path: &str) -> Option<String> {
    let ours = ours.as_object()?;
    for (key, below) in ours {
        let counts = below.is_object() && !matches!(key.as_str(), "default" | "enum");
        if !counts {
            continue;
        }
        let path = match key.as_str() {
            "openAPIV3Schema" | "properties" | "items" | "additionalProperties" => path.to_owned(),
            name => format!("{path}.{name}"),
        };
        match theirs.get(key) {
            None => return Some(path.trim_start_matches('.').to_owned()),
            Some(there) => {
                if let Some(found) = first_missing(below, there, &path) {
                    return Some(found);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_that_the_server_lacks_is_named() {
        let ours = json!({"v2": {"openAPIV3Schema": {"properties": {"spec": {"properties": {"a": {}, "b": {"properties": {"c": {}}}}}}}}});
        let mut theirs = ours.clone();
        assert_eq!(first_missing(&ours, &theirs, ""), None);
        theirs["v2"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["b"] = json!({"properties": {}});
        assert_eq!(first_missing(&ours, &theirs, "").as_deref(), Some("v2.spec.b.c"));
        assert_eq!(first_missing(&ours, &json!({}), "").as_deref(), Some("v2"));
    }
}
