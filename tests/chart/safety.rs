//! What every rendering holds, whatever the values: restricted pods, no foreign image, no CA bundle, a webhook that does not
//! stand in its own way.

use super::helm::{manifests, pods, rendered, template_in, value_sets};
use serde_json::{Value, json};

/// The Pod Security level `restricted`, but for what the node's own file needs.
fn check_pod(name: &str, template: &Value) {
    let spec = &template["spec"];
    let of_the_node = spec["volumes"].as_array().into_iter().flatten().any(|v| !v["hostPath"].is_null());
    let pod = &spec["securityContext"];
    assert_eq!(pod["seccompProfile"]["type"], "RuntimeDefault", "{name}");
    assert_eq!(pod["runAsNonRoot"], json!(!of_the_node), "{name}");
    assert_eq!(pod["runAsUser"] == json!(0), of_the_node, "{name}");
    for container in spec["containers"].as_array().expect("containers") {
        let security = &container["securityContext"];
        assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}), "{name}");
        assert_eq!(security["allowPrivilegeEscalation"], json!(false), "{name}");
        assert_eq!(security["readOnlyRootFilesystem"], json!(true), "{name}");
        assert!(container["resources"]["requests"].is_object(), "{name}");
        let image = container["image"].as_str().expect("an image");
        assert!(image.starts_with("akv2k8s/akv2k8s:"), "{name} runs {image}");
    }
    // What serves the webhook would wait for itself.
    assert_eq!(template["metadata"]["labels"]["spv.no/inject"], "disabled", "{name}");
}

#[test]
fn pods_are_restricted_but_for_the_nodes_own_file() {
    for (set, values) in value_sets() {
        let all = rendered(&values);
        let mut seen = 0;
        for (manifest, template) in pods(&all) {
            check_pod(&format!("{set}: {}", manifest["metadata"]["name"]), template);
            seen += 1;
        }
        assert!(seen > 0, "{set} runs nothing");
    }
}

#[test]
fn the_nodes_file_is_mounted_only_where_it_is_asked_for() {
    let of_the_node = |values: Value| rendered(&values).iter().filter(|m| m.to_string().contains("hostPath")).count();
    assert_eq!(of_the_node(json!({})), 2);
    assert_eq!(of_the_node(json!({"env_injector": {"authService": false}})), 1);
    assert_eq!(of_the_node(json!({"global": {"workloadIdentity": {"enabled": true}}})), 0);
    assert_eq!(of_the_node(json!({"global": {"userDefinedMSI": {"enabled": true}}})), 0);
}

#[test]
fn no_rendering_has_a_ca_bundle() {
    for (set, values) in value_sets() {
        assert!(!rendered(&values).iter().any(|m| m.to_string().contains("caBundle")), "{set}");
    }
}

fn pods_webhook(values: &Value) -> Value {
    let all = manifests(&template_in("home", values).expect("it renders"));
    all.iter().find(|m| m["kind"] == "MutatingWebhookConfiguration").expect("there is one")["webhooks"][0].clone()
}

#[test]
fn the_webhook_never_looks_at_its_own_pods() {
    let check = |values: Value, operator: &str, namespaces: Value| {
        let webhook = pods_webhook(&values);
        let terms = webhook["namespaceSelector"]["matchExpressions"].as_array().expect("terms");
        let own: Vec<_> = terms.iter().filter(|t| t["key"] == "kubernetes.io/metadata.name").collect();
        assert_eq!(own.len(), 1);
        assert_eq!((&own[0]["operator"], &own[0]["values"]), (&json!(operator), &namespaces));
        let opted_out = json!([{"key": "spv.no/inject", "operator": "NotIn", "values": ["disabled"]}]);
        assert_eq!(webhook["objectSelector"]["matchExpressions"], opted_out);
    };
    check(json!({}), "NotIn", json!(["kube-system", "home"]));
    // Of one namespace it serves just this one: there only the label keeps it from itself.
    check(json!({"watchAllNamespaces": false}), "In", json!(["home"]));
}

#[test]
fn the_registration_is_the_file_that_the_suites_use() {
    let file = xtask::layout::root().join("charts/akv2k8s/files/webhooks.yaml");
    let text = std::fs::read_to_string(file).expect("the file is there");
    let marks = [
        ("__NAMESPACE__", "home"),
        ("__NAME__", "akv2k8s-envinjector"),
        ("__SERVICE__", "akv2k8s-envinjector"),
        ("__PORT__", "443"),
        ("__LABEL_NAME__", "azure-key-vault-env-injection"),
        ("__LABEL_VALUE__", "enabled"),
    ];
    let filled = marks.iter().fold(text, |text, (mark, value)| text.replace(mark, value));
    let rendered = manifests(&template_in("home", &json!({})).expect("it renders"));
    for expected in manifests(&filled) {
        let mut found = rendered.iter().find(|m| m["kind"] == expected["kind"]).expect("it is rendered").clone();
        found["metadata"] = json!({"name": found["metadata"]["name"]});
        assert_eq!(found, expected);
    }
}
