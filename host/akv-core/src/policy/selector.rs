//! Label selectors, as Kubernetes reads them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use std::collections::BTreeMap;

/// Whether a plugin whose `spec.namespaces` is `selector` may be used in a namespace with these labels.
///
/// An empty selector selects every namespace. An operator that Kubernetes does not know selects none.
pub fn plugin_allowed(selector: &LabelSelector, namespace_labels: &BTreeMap<String, String>) -> bool {
    let labels = selector.match_labels.iter().flatten();
    let expressions = selector.match_expressions.iter().flatten();
    labels.into_iter().all(|(key, value)| namespace_labels.get(key) == Some(value))
        && expressions.into_iter().all(|expression| holds(expression, namespace_labels.get(&expression.key)))
}

fn holds(expression: &LabelSelectorRequirement, found: Option<&String>) -> bool {
    let listed = |value: &String| expression.values.as_ref().is_some_and(|values| values.contains(value));
    match expression.operator.as_str() {
        "In" => found.is_some_and(listed),
        "NotIn" => !found.is_some_and(listed),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(selector: serde_json::Value, labels: &[(&str, &str)], expected: bool) {
        let parsed: LabelSelector = serde_json::from_value(selector.clone()).expect("a selector");
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(plugin_allowed(&parsed, &labels), expected, "{selector} {labels:?}");
    }

    #[test]
    fn selectors_read_as_kubernetes_reads_them() {
        let shop = [("team", "shop"), ("env", "prod")];
        check(json!({}), &shop, true);
        check(json!({}), &[], true);
        check(json!({"matchLabels": {"team": "shop"}}), &shop, true);
        check(json!({"matchLabels": {"team": "bank"}}), &shop, false);
        check(json!({"matchLabels": {"team": "shop", "tier": "1"}}), &shop, false);
        let one = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "team", "operator": operator, "values": values}]});
        check(one("In", &["bank", "shop"]), &shop, true);
        check(one("In", &["bank"]), &shop, false);
        check(one("In", &["shop"]), &[], false);
        check(one("NotIn", &["shop"]), &shop, false);
        check(one("NotIn", &["shop"]), &[], true);
        check(one("Exists", &[]), &shop, true);
        check(one("Exists", &[]), &[], false);
        check(one("DoesNotExist", &[]), &shop, false);
        check(one("DoesNotExist", &[]), &[], true);
        check(one("Near", &["shop"]), &shop, false);
    }
}
