//! `akv2k8s legacy keep-ca`, as the chart's hook runs it: under a role that may read two Secrets and make one.

use akv_tests::{Cluster, Component, Namespace, program};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use rcgen::{CertificateParams, IsCa, KeyPair};
use serde_json::json;
use std::path::Path;

/// What the original's chart has made of an authority's key and certificate.
fn original(certificate: &str, key: &str) -> String {
    let data = json!({"tls.crt": STANDARD.encode(certificate), "tls.key": STANDARD.encode(key)});
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "data": data,
        "metadata": {"name": "akv2k8s-envinjector-ca", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
    })
    .to_string()
}

fn authority() -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}

/// Exit code, and both streams.
fn keep(kubeconfig: &Path, namespace: &Namespace) -> (i32, String) {
    let mut command = program::command("akv2k8s");
    command.args(["legacy", "keep-ca", "--namespace", namespace.name(), "--kubeconfig"]).arg(kubeconfig);
    let output = command.output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn the_authority_of_the_original_outlives_its_chart() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("keep-ca", &[]).await;
    let kubeconfig = namespace.install(Component::LegacyKeeper).await;
    let (certificate, key) = authority();

    let (code, said) = keep(&kubeconfig, &namespace);
    assert!(code == 1 && said.contains("neither Secret akv2k8s-legacy-ca nor") && said.contains("legacyPods.enabled"));
    println!("{said}");

    let (_, foreign) = authority();
    namespace.apply(&original(&certificate, &foreign)).await.expect("the API server takes any key");
    let (code, said) = keep(&kubeconfig, &namespace);
    println!("{said}");
    assert!(code == 1 && said.contains("Secret akv2k8s-envinjector-ca: tls.key cannot be read"), "{said}");
    assert!(!said.contains("BEGIN"), "{said}");

    namespace.apply(&original(&certificate, &key)).await.expect("a Secret");
    assert_eq!(keep(&kubeconfig, &namespace).0, 0);
    let secrets = Api::<Secret>::namespaced(cluster.admin().await, namespace.name());
    let kept = secrets.get("akv2k8s-legacy-ca").await.expect("it is there");
    let data = kept.data.as_ref().expect("data");
    assert_eq!(data["tls.crt"].0, certificate.as_bytes());
    assert_eq!(data["tls.key"].0, key.as_bytes());
    assert!(kept.labels().is_empty() && kept.owner_references().is_empty(), "no release owns it: {:?}", kept.metadata);

    // A later one of the original's chart is none of the pods that run.
    let (other, other_key) = authority();
    namespace.apply(&original(&other, &other_key)).await.expect("a Secret");
    let (code, said) = keep(&kubeconfig, &namespace);
    assert!(code == 0 && said.contains("is there already"), "{said}");
    let again = secrets.get("akv2k8s-legacy-ca").await.expect("it is there");
    assert_eq!(again.resource_version(), kept.resource_version());
}
