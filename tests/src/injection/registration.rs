//! What makes the API server ask a webhook of this machine: account, Service, configuration.

use crate::Namespace;
use akv_api::name::INJECTION_LABEL;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::PathBuf;
use xtask::cluster::Component;
use xtask::cluster::roles::Reach;

/// The account of the webhook in `home`, under the roles of the chart. Returns its kubeconfig.
pub async fn install(home: &Namespace, configuration: &str) -> PathBuf {
    let kubeconfig = home.install_everywhere(Component::Webhook).await;
    // Names of the whole cluster are this installation's, as the role's rule is; the rest of the role is the chart's.
    let objects = Component::Webhook.objects(home.name(), Reach::Everywhere).unwrap_or_else(|e| panic!("{e}"));
    for mut role in objects.into_iter().filter(|object| object["kind"] == "ClusterRole") {
        for rule in role["rules"].as_array_mut().into_iter().flatten() {
            if rule["apiGroups"] == json!(["admissionregistration.k8s.io"]) {
                rule["resourceNames"] = json!([configuration]);
            }
        }
        home.put_cluster_wide(role).await;
    }
    kubeconfig
}

/// The Service, with its ports as pods and the API server know them.
pub fn service(name: &str, host: IpAddr, tls: u16, mtls: u16) -> String {
    let ports = [("https", 443, tls), ("auth", 9443, mtls)];
    let of_service = ports.map(|(name, port, target)| json!({"name": name, "port": port, "targetPort": target}));
    let of_slice = ports.map(|(name, _, target)| json!({"name": name, "port": target}));
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": of_service},
    });
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
        "endpoints": [{"addresses": [host]}], "ports": of_slice,
    });
    format!("{service}\n---\n{slice}\n")
}

/// For pods of namespaces whose injection label is `home`, as the contract says who is looked at.
pub fn configuration(name: &str, home: &str) -> Value {
    let refers = |list: &str| {
        format!("{list}.exists(c, has(c.env) && c.env.exists(e, has(e.value) && e.value.contains('@azurekeyvault')))")
    };
    let annotated = "has(object.metadata.annotations) && object.metadata.annotations.exists(a, (a == 'spv.no/inject' && object.metadata.annotations[a] == 'true') || a.startsWith('spv.no/files.'))";
    let condition = format!(
        "{} || (has(object.spec.initContainers) && {}) || ({annotated})",
        refers("object.spec.containers"),
        refers("object.spec.initContainers")
    );
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "pods.env-injector.admission.spv.no", "sideEffects": "None", "failurePolicy": "Fail",
            "clientConfig": {"service": {"name": super::SERVICE, "namespace": home, "path": "/pods", "port": 443}},
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 30, "reinvocationPolicy": "IfNeeded",
            "namespaceSelector": {"matchLabels": {INJECTION_LABEL: home}},
            "objectSelector": {"matchExpressions": [{"key": "spv.no/inject", "operator": "NotIn", "values": ["disabled"]}]},
            "matchConditions": [{"name": "has-references", "expression": condition}],
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }],
    })
}
