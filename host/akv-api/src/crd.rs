//! The CustomResourceDefinitions, generated: schemas from the Rust types, rules from the tables in [`crate::rule`].

mod column;
mod older;
mod schema;

use crate::rule::{self, bound};
use crate::{AzureKeyVaultPlugin, AzureKeyVaultSecret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceConversion, CustomResourceDefinition, JSONSchemaProps,
};
use kube::CustomResourceExt;
use schema::node;

/// The file name and definition of each custom resource.
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![secret(), plugin()]
}

/// Every definition as one YAML stream, as `crd print` shows it.
///
/// # Errors
/// Those of the serialiser, which none of these values meets.
pub fn yaml() -> Result<String, serde_yaml_ng::Error> {
    let documents: Result<Vec<_>, _> = all().iter().map(serde_yaml_ng::to_string).collect();
    Ok(documents?.join("---\n"))
}

/// `AzureKeyVaultSecret`: four versions, `v2beta1` stored.
fn secret() -> CustomResourceDefinition {
    let mut crd = AzureKeyVaultSecret::crd();
    finish(&mut crd, column::secret_v2beta1(), rule::secret::ALL, |spec| {
        bound_names(
            spec,
            &[
                "spec.vault.name",
                "spec.vault.object.name",
                "spec.vault.object.version",
                "spec.vault.objects[].as",
                "spec.vault.objects[].name",
                "spec.vault.objects[].version",
                "spec.output.secret.name",
                "spec.output.configMap.name",
                "spec.output.plugin.name",
                "spec.output.pipeline[].plugin",
                "spec.output.pipeline[].only[]",
                "spec.output.files[].path",
            ],
        );
        node(spec, "spec.vault.objects").max_items = items(bound::OBJECTS);
        node(spec, "spec.output.pipeline").max_items = items(bound::PIPELINE);
        node(spec, "spec.output.pipeline[].only").max_items = items(bound::OBJECTS);
        node(spec, "spec.output.files").max_items = items(bound::FILES);
        node(spec, "spec.output.files[].template").max_length = items(bound::TEMPLATE);
        for target in ["secret", "configMap"] {
            for (map, value) in [("labels", bound::NAME), ("annotations", bound::ANNOTATION)] {
                let path = format!("spec.output.{target}.metadata.{map}");
                node(spec, &path).max_properties = items(bound::METADATA);
                node(spec, &format!("{path}{{}}")).max_length = items(value);
            }
        }
    });
    let mut versions = older::versions();
    versions.append(&mut crd.spec.versions);
    crd.spec.versions = versions;
    crd
}

/// `AzureKeyVaultPlugin`.
fn plugin() -> CustomResourceDefinition {
    let mut crd = AzureKeyVaultPlugin::crd();
    finish(&mut crd, column::plugin(), rule::plugin::ALL, |spec| {
        bound_names(
            spec,
            &[
                "spec.source.configMap.namespace",
                "spec.source.configMap.name",
                "spec.source.configMap.key",
                "spec.source.configMap.sha256",
                "spec.source.file.sha256",
                "spec.limits.memory",
                "spec.limits.fuel",
                "spec.limits.output",
                "spec.namespaces.matchExpressions[].key",
                "spec.namespaces.matchExpressions[].operator",
                "spec.namespaces.matchExpressions[].values[]",
            ],
        );
        // A rule can name only a field that the schema has.
        node(spec, "metadata").properties.get_or_insert_default().insert("name".to_owned(), schema::of_type("string"));
        node(spec, "spec.source.file.path").max_length = items(bound::PATH);
        node(spec, "spec.namespaces.matchExpressions").max_items = items(bound::SELECTOR);
        node(spec, "spec.namespaces.matchExpressions[].values").max_items = items(bound::SELECTOR);
    });
    crd
}

/// What both definitions need beyond what the derive yields.
fn finish(
    crd: &mut CustomResourceDefinition,
    columns: Vec<CustomResourceColumnDefinition>,
    rules: &[rule::Rule],
    bounds: impl FnOnce(&mut JSONSchemaProps),
) {
    // The API server converts between our versions by renaming and pruning alone, as it did for the original.
    crd.spec.conversion = Some(CustomResourceConversion { strategy: "None".to_owned(), webhook: None });
    let [version] = crd.spec.versions.as_mut_slice() else { unreachable!("the derive makes one version") };
    version.additional_printer_columns = Some(columns);
    let root = version
        .schema
        .as_mut()
        .and_then(|schema| schema.open_api_v3_schema.as_mut())
        .expect("the derive makes a schema");
    schema::plain(root);
    // The derive describes the Rust type and leaves away what every resource has.
    root.description = node(root, "spec").description.clone();
    let fields = root.properties.get_or_insert_default();
    for (name, type_) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        fields.insert(name.to_owned(), schema::of_type(type_));
    }
    let conditions = node(root, "status.conditions");
    conditions.x_kubernetes_list_type = Some("map".to_owned());
    conditions.x_kubernetes_list_map_keys = Some(vec!["type".to_owned()]);
    bounds(root);
    for rule in rules {
        for at in rule.at {
            schema::add_rule(node(root, at), rule);
        }
    }
}

fn bound_names(root: &mut JSONSchemaProps, paths: &[&str]) {
    for path in paths {
        node(root, path).max_length = items(bound::NAME);
    }
}

fn items(bound: usize) -> Option<i64> {
    i64::try_from(bound).ok()
}
