//! The versions of `AzureKeyVaultSecret` that are served for manifests and clients of the original.
//!
//! They accept exactly what the original's schemas accept, and carry none of our fields and rules: what is wrong in them is
//! said by the controller. Two things differ, both in `status`, which only a controller writes: nothing in it is
//! required, and what it holds beyond the original's fields is kept, since a client that writes the spec through an old
//! version would otherwise erase the conditions and the record of owned keys.

use super::column;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinitionVersion, CustomResourceSubresourceStatus,
    CustomResourceSubresources, CustomResourceValidation,
};
use serde_json::{Value, json};

/// `v1`, `v1alpha1` and `v2alpha1`, none stored.
pub(super) fn versions() -> Vec<CustomResourceDefinitionVersion> {
    let secret = json!({
        "chainOrder": {"type": "string", "enum": ["ensureserverfirst"]},
        "dataKey": {"type": "string"},
        "name": {"type": "string"},
        "type": {"type": "string"},
    });
    let secret_without_order = {
        let mut fields = secret.clone();
        fields.as_object_mut().expect("written above").remove("chainOrder");
        fields
    };
    let config_map = json!({
        "type": "object",
        "required": ["dataKey", "name"],
        "properties": {"dataKey": {"type": "string"}, "name": {"type": "string"}},
    });
    let identity = json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}});
    let names = json!({"type": "array", "items": {"type": "string"}});
    let status = json!({
        "lastAzureUpdate": {"type": "string", "format": "date-time"},
        "secretHash": {"type": "string"},
        "secretName": {"type": "string"},
    });
    let status_with_config_map = {
        let mut fields = status.clone();
        let map = fields.as_object_mut().expect("written above");
        map.insert("configMapHash".to_owned(), json!({"type": "string"}));
        map.insert("configMapName".to_owned(), json!({"type": "string"}));
        fields
    };
    vec![
        version(
            "v1",
            column::secret_v1("Secret Name"),
            json!({}),
            json!({"secret": named(&secret), "transform": names}),
            status.clone(),
        ),
        version(
            "v1alpha1",
            column::secret_v1("Output Object"),
            json!({}),
            // With an `s`: the original spelt it so, and prunes it when the object is stored.
            json!({"secret": named(&secret_without_order), "transforms": names}),
            status,
        ),
        version(
            "v2alpha1",
            column::secret_v2alpha1(),
            json!({"azureIdentity": identity}),
            json!({"configMap": config_map, "secret": named(&secret), "transform": names}),
            status_with_config_map,
        ),
    ]
}

fn named(fields: &Value) -> Value {
    json!({"type": "object", "required": ["name"], "properties": fields})
}

fn version(
    name: &str,
    columns: Vec<CustomResourceColumnDefinition>,
    mut vault: Value,
    output: Value,
    status: Value,
) -> CustomResourceDefinitionVersion {
    let fields = vault.as_object_mut().expect("an object in every call");
    fields.insert("name".to_owned(), json!({"type": "string"}));
    fields.insert(
        "object".to_owned(),
        json!({
            "type": "object",
            "required": ["name", "type"],
            "properties": {
                "contentType": {"type": "string", "enum": ["application/x-json", "application/x-yaml"]},
                "name": {"type": "string"},
                "type": {"type": "string", "enum": ["secret", "certificate", "key", "multi-key-value-secret"]},
                "version": {"type": "string"},
            },
        }),
    );
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "required": ["vault"],
                "properties": {
                    "vault": {"type": "object", "required": ["name", "object"], "properties": vault},
                    "output": {"type": "object", "properties": output},
                },
            },
            "status": {"type": "object", "properties": status, "x-kubernetes-preserve-unknown-fields": true},
        },
    });
    CustomResourceDefinitionVersion {
        name: name.to_owned(),
        served: true,
        storage: false,
        additional_printer_columns: Some(columns),
        schema: Some(CustomResourceValidation {
            open_api_v3_schema: Some(serde_json::from_value(schema).expect("a schema, as the tests show")),
        }),
        subresources: Some(CustomResourceSubresources {
            status: Some(CustomResourceSubresourceStatus(json!({}))),
            ..CustomResourceSubresources::default()
        }),
        ..CustomResourceDefinitionVersion::default()
    }
}
