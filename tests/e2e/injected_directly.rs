//! Without the auth service: pods read resources by their own service account and the vault by workload identity, and start
//! while no webhook runs.

use akv_tests::injection::{self, Injection};
use akv_tests::node::{PATIENCE, Pod, image};
use akv_tests::{Namespace, Node, wait_for};
use k8s_openapi::api::core::v1 as core;
use serde_json::{Value, json};
use std::time::Instant;

const VALUE: &str = "value-read-directly";
const PODS: usize = 20;

/// The account `shop` of any namespace cannot be named in a seed, so the namespace comes first.
fn seed(node: &Node, namespace: &str) -> String {
    let issuer = node.cluster().issuer();
    let authority = node.cluster().ca_file();
    format!(
        "identities:\n- name: injector\n  secret: unused\n- name: shop\n  federated:\n  - issuer: {issuer}\n    subject: system:serviceaccount:{namespace}:shop\n    jwksUrl: {issuer}/openid/v1/jwks\n    caFile: {}\n  roles: [{{vault: shop-prod, allow: [secrets/get]}}]\nvaults:\n- name: shop-prod\n  secrets: [{{name: db, value: '{VALUE}'}}]\n",
        authority.display()
    )
}

/// What a cluster with workload identity puts into pods of the account, and what a private cloud's pods mount.
fn pod(injection: &Injection, name: &str, account: &str) -> Value {
    let variable = |name: &str| {
        let environment = injection.vault.environment("shop");
        environment.into_iter().find(|(other, _)| other == name).map(|(_, value)| value).unwrap_or_default()
    };
    let env = [
        ("DB", "db@azurekeyvault".to_owned()),
        ("AUTH_TYPE", "environment-azidentity".to_owned()),
        ("AZURE_CLIENT_ID", variable("AZURE_CLIENT_ID")),
        ("AZURE_TENANT_ID", variable("AZURE_TENANT_ID")),
        ("AZURE_AUTHORITY_HOST", variable("AZURE_AUTHORITY_HOST")),
        ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/azure/tokens/azure-identity-token".to_owned()),
        ("AZURE_ENVIRONMENT", variable("AZURE_ENVIRONMENT")),
        ("AZURE_ENVIRONMENT_FILEPATH", "/etc/cloud/cloud.json".to_owned()),
        ("SSL_CERT_FILE", "/etc/cloud/ca.crt".to_owned()),
    ];
    let env: Vec<Value> = env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let token = json!({"serviceAccountToken": {"path": "azure-identity-token", "audience": "api://AzureADTokenExchange", "expirationSeconds": 3600}});
    json!({
        "metadata": {"name": name},
        "spec": {
            "serviceAccountName": account, "restartPolicy": "Always", "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": "main", "image": image::PROBE, "imagePullPolicy": "Never", "env": env,
                "command": ["/probe", "report", "then", "sleep"],
                "volumeMounts": [{"name": "azure", "mountPath": "/var/run/secrets/azure/tokens", "readOnly": true}, {"name": "cloud", "mountPath": "/etc/cloud"}],
            }],
            "volumes": [{"name": "azure", "projected": {"sources": [token]}}, {"name": "cloud", "configMap": {"name": "cloud"}}],
        },
    })
}

async fn furnish(injection: &Injection, namespace: &Namespace) {
    let file = |name: &str| {
        let path = injection.vault.directory().join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    let cloud = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cloud"},
        "data": {"cloud.json": file("cloud.json"), "ca.crt": file("ca.crt")},
    });
    let rules = [json!({"apiGroups": ["spv.no"], "resources": ["azurekeyvaultsecrets"], "verbs": ["get"]})];
    let api = "rbac.authorization.k8s.io";
    let all = [
        cloud,
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "shop"}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "stranger"}}),
        json!({"apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": {"name": "reader"}, "rules": rules}),
        json!({
            "apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": api, "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "shop"}],
        }),
    ];
    let all = all.iter().map(|object| format!("---\n{object}\n")).collect::<String>();
    let manifests = format!("{all}{}", injection::resource("db", "secret", "db", ""));
    namespace.apply(&manifests).await.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn restarted(pod: &Pod, before: i32) {
    pod.runs_again("main", before).await;
    assert_eq!(pod.report("main").await["env"]["DB"], VALUE);
}

#[tokio::test]
async fn pods_start_by_their_own_identity_while_no_webhook_runs() {
    let node = Node::shared().await;
    let namespace = node.namespace("directly", &[]).await;
    let seed = seed(&node, namespace.name());
    let mut injection = Injection::with_seed("directly", &seed, &["--use-auth-service=false"]).await;
    injection.enable(&namespace).await;
    furnish(&injection, &namespace).await;

    let pods = (0..PODS).map(|n| {
        let manifest = pod(&injection, &format!("pod-{n}"), "shop");
        injection.create(&namespace, manifest)
    });
    let began = Instant::now();
    let pods = futures::future::join_all(pods).await;
    for pod in &pods {
        let report = pod.report("main").await;
        assert_eq!(report["env"]["DB"], VALUE, "{}", pod.name());
    }
    println!("{PODS} pods started in {:.1} s, by workload identity", began.elapsed().as_secs_f32());
    let spec = pods[0].get().await.spec.expect("it has one");
    let volumes = spec.volumes.unwrap_or_default();
    assert!(
        !volumes.iter().any(|volume| volume.name.starts_with("azure-keyvault-token-")),
        "nobody needs a token of ours"
    );

    let stranger = injection.create(&namespace, pod(&injection, "stranger", "stranger")).await;
    let message = stranger.last_words("main").await;
    println!("an account without the role: {message}");
    assert!(message.contains("db") && message.contains("reader role"), "{message}");
    stranger.delete().await;

    injection.webhook.stop();
    let began = Instant::now();
    let mut before = Vec::new();
    for pod in &pods {
        before.push(pod.status("main").await.map_or(0, |status| status.restart_count));
        let asked = pod.exec("main", &["/probe", "end", "1"]).await;
        // With the container's first process goes whatever was run beside it, sometimes before it has said so.
        assert!(matches!(asked.code, 0 | 137), "{asked:?}");
    }
    for (pod, before) in pods.iter().zip(before) {
        restarted(pod, before).await;
    }
    println!("{PODS} pods restarted in {:.1} s, while no webhook ran", began.elapsed().as_secs_f32());
    for pod in &pods {
        pod.delete().await;
    }
    wait_for("the pods to be gone", PATIENCE, || async {
        let left = kube::Api::<core::Pod>::namespaced(node.cluster().admin().await, namespace.name());
        left.list(&Default::default()).await.ok()?.items.is_empty().then_some(())
    })
    .await;
}
