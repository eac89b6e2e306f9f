//! Walking and trimming a schema that the derive made.

use crate::rule::{Rule, Verdict};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, ValidationRule,
};

/// The node at `path` below `root`; `[]` are the items of a list, `{}` the values of a map, an empty path is the root.
///
/// # Panics
/// If there is none: the path is a constant of this crate that does not fit its own types, and the tests say so.
pub(super) fn node<'a>(root: &'a mut JSONSchemaProps, path: &str) -> &'a mut JSONSchemaProps {
    let mut here = root;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let name = part.trim_end_matches(['[', ']', '{', '}']);
        here = here
            .properties
            .as_mut()
            .and_then(|properties| properties.get_mut(name))
            .unwrap_or_else(|| panic!("no {name} in {path}"));
        here = match &part[name.len()..] {
            "" => here,
            "[]" => match here.items.as_mut() {
                Some(JSONSchemaPropsOrArray::Schema(items)) => items,
                _ => panic!("{name} in {path} is no list"),
            },
            _ => match here.additional_properties.as_mut() {
                Some(JSONSchemaPropsOrBool::Schema(values)) => values,
                _ => panic!("{name} in {path} is no map"),
            },
        };
    }
    here
}

/// A schema that says a type and nothing else.
pub(super) fn of_type(name: &str) -> JSONSchemaProps {
    JSONSchemaProps { type_: Some(name.to_owned()), ..JSONSchemaProps::default() }
}

/// Hangs a rule on a node.
pub(super) fn add_rule(node: &mut JSONSchemaProps, rule: &Rule) {
    let reason = match rule.verdict {
        Verdict::Invalid => "FieldValueInvalid",
        Verdict::Required => "FieldValueRequired",
        Verdict::Forbidden => "FieldValueForbidden",
    };
    node.x_kubernetes_validations.get_or_insert_default().push(ValidationRule {
        rule: rule.cel.to_owned(),
        message: Some(rule.sentence.to_owned()),
        field_path: Some(rule.field.to_owned()).filter(|field| !field.is_empty()),
        reason: Some(reason.to_owned()),
        ..ValidationRule::default()
    });
}

/// Makes the derived schema what the original's generator would have made: no `nullable`, which would let `null` through
/// where the original refuses it, and free objects that keep what they hold.
pub(super) fn plain(node: &mut JSONSchemaProps) {
    node.nullable = None;
    // The words of integers: only Kubernetes' own formats are known to its API server.
    if node.format.as_deref().is_some_and(|format| !matches!(format, "int32" | "int64" | "date-time")) {
        node.format = None;
    }
    if let Some(values) = node.enum_.as_mut() {
        values.retain(|value| !value.0.is_null());
    }
    match node.additional_properties.as_mut() {
        Some(JSONSchemaPropsOrBool::Bool(true)) => {
            node.additional_properties = None;
            node.x_kubernetes_preserve_unknown_fields = Some(true);
        }
        Some(JSONSchemaPropsOrBool::Schema(values)) => plain(values),
        _ => {}
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = node.items.as_mut() {
        plain(items);
    }
    for child in node.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        plain(child);
    }
}
