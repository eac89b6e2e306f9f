//! Every manifest is what the API server knows, and the objects of the original keep their names and selectors.

use super::helm::{chart, helm, manifests, rendered, value_sets};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Reads a manifest as its type and writes it again: a field that the type does not know would be gone.
fn known<K: DeserializeOwned + Serialize>(manifest: &Value) {
    let kind = &manifest["kind"];
    let read: K = serde_json::from_value(manifest.clone()).unwrap_or_else(|e| panic!("{kind}: {e}\n{manifest}"));
    let written = serde_json::to_value(read).expect("it serialises");
    let lost = lost(manifest, &written, "");
    assert!(lost.is_empty(), "{kind} {}: not in its type: {lost:?}", manifest["metadata"]["name"]);
}

fn lost(given: &Value, kept: &Value, path: &str) -> Vec<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            let below = |(name, value): (&String, &Value)| match kept.get(name) {
                Some(kept) => lost(value, kept, &format!("{path}/{name}")),
                // What is empty or null is not written.
                None if value.is_null() || *value == json!({}) || *value == json!([]) => Vec::new(),
                None => vec![format!("{path}/{name}")],
            };
            given.iter().flat_map(below).collect()
        }
        (Value::Array(given), Value::Array(kept)) => {
            given.iter().zip(kept).flat_map(|(g, k)| lost(g, k, &format!("{path}/-"))).collect()
        }
        _ => Vec::new(),
    }
}

fn check(manifest: &Value) {
    match manifest["kind"].as_str().expect("a manifest has a kind") {
        "Deployment" => known::<Deployment>(manifest),
        "Job" => known::<Job>(manifest),
        "Pod" => known::<Pod>(manifest),
        "ConfigMap" => known::<ConfigMap>(manifest),
        "Secret" => known::<Secret>(manifest),
        "Service" => known::<Service>(manifest),
        "ServiceAccount" => known::<ServiceAccount>(manifest),
        "NetworkPolicy" => known::<NetworkPolicy>(manifest),
        "PodDisruptionBudget" => known::<PodDisruptionBudget>(manifest),
        "ClusterRole" => known::<ClusterRole>(manifest),
        "ClusterRoleBinding" => known::<ClusterRoleBinding>(manifest),
        "Role" => known::<Role>(manifest),
        "RoleBinding" => known::<RoleBinding>(manifest),
        "MutatingWebhookConfiguration" => known::<MutatingWebhookConfiguration>(manifest),
        "ValidatingWebhookConfiguration" => known::<ValidatingWebhookConfiguration>(manifest),
        "ValidatingAdmissionPolicy" => known::<ValidatingAdmissionPolicy>(manifest),
        "ValidatingAdmissionPolicyBinding" => known::<ValidatingAdmissionPolicyBinding>(manifest),
        "CustomResourceDefinition" => known::<CustomResourceDefinition>(manifest),
        "AzureKeyVaultPlugin" => known::<akv_api::AzureKeyVaultPlugin>(manifest),
        // Of other projects, which have no types here.
        "Issuer" | "Certificate" => assert_eq!(manifest["apiVersion"], "cert-manager.io/v1"),
        "ServiceMonitor" => assert_eq!(manifest["apiVersion"], "monitoring.coreos.com/v1"),
        other => panic!("the chart renders a {other}, which nobody checks"),
    }
}

#[test]
fn every_manifest_has_only_fields_that_its_type_knows() {
    for (_, values) in value_sets() {
        rendered(&values).iter().for_each(check);
    }
}

#[test]
fn the_definitions_are_kept_when_their_release_goes() {
    let dir = chart("akv2k8s-crds");
    let dir = dir.to_str().expect("text");
    let text = |args: &[&str]| helm(&[&["template", "akv2k8s-crds", dir], args].concat(), "").expect("it renders");
    let keep = |args: &[&str]| -> Vec<Value> {
        let all = manifests(&text(args));
        all.iter().for_each(check);
        all.iter().map(|crd| crd["metadata"]["annotations"]["helm.sh/resource-policy"].clone()).collect()
    };
    assert_eq!(keep(&[]), [json!("keep"), json!("keep")]);
    assert_eq!(keep(&["--set", "keep=false"]), [Value::Null, Value::Null]);
}

#[test]
fn deployments_have_the_names_and_selectors_of_the_original() {
    let all = rendered(&json!({}));
    let selector = |name: &str| {
        let found = all.iter().find(|m| m["kind"] == "Deployment" && m["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("there is no {name}"))["spec"]["selector"]["matchLabels"].clone()
    };
    for (name, component) in [("akv2k8s-controller", "akv2k8s-controller"), ("akv2k8s-envinjector", "akv2k8s-webhook")]
    {
        let labels = json!({
            "app.kubernetes.io/name": "akv2k8s", "app.kubernetes.io/instance": "akv2k8s",
            "app.kubernetes.io/component": component,
        });
        assert_eq!(selector(name), labels);
    }
}

#[test]
fn services_select_pods_that_are_there() {
    for (name, values) in value_sets() {
        let all = rendered(&values);
        for service in all.iter().filter(|m| m["kind"] == "Service" || m["kind"] == "PodDisruptionBudget") {
            let wanted = service["spec"]["selector"].get("matchLabels").unwrap_or(&service["spec"]["selector"]);
            let wanted = wanted.as_object().expect("labels");
            let selected = all.iter().filter(|m| m["kind"] == "Deployment").any(|deployment| {
                let labels = &deployment["spec"]["template"]["metadata"]["labels"];
                wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
            });
            assert!(selected, "{name}: {} selects nothing", service["metadata"]["name"]);
        }
    }
}
