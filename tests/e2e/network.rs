//! Names, Services and the API server, from within a pod; the test and a pod reach each other.

use akv_tests::Node;
use akv_tests::node::pod;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use serde_json::json;

const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

#[tokio::test]
async fn a_service_is_found_by_its_name_and_answers() {
    let node = Node::shared().await;
    let namespace = node.namespace("names", &[]).await;
    let mut server = pod::probe("server", &["listen", "8080", "then", "sleep"]);
    server["metadata"]["labels"] = json!({"app": "server"});
    let server = node.create(&namespace, server).await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    namespace.apply(&service.to_string()).await.expect("a Service is legal");
    let services = Api::<Service>::namespaced(node.cluster().admin().await, namespace.name());
    let cluster_ip = services.get("web").await.expect("it is there").spec.and_then(|spec| spec.cluster_ip);
    server.running().await;

    let client = node.create(&namespace, pod::probe("client", &["sleep"])).await;
    client.running().await;
    for name in ["web".to_owned(), format!("web.{}.svc.cluster.local", namespace.name())] {
        let found = client.exec("main", &["/probe", "look-up", &name]).await;
        assert_eq!(Some(found.stdout.trim()), cluster_ip.as_deref(), "{name}: {}", found.stderr);
    }
    let answer = client.exec("main", &["/probe", "get", "http://web/"]).await;
    assert!(answer.stdout.starts_with("200\n{\"argv\":[\"/probe\",\"listen\""), "{answer:?}");
    // A Service's endpoint on the pod's own node and the pod itself, without the Service.
    let direct = reqwest::get(format!("http://{}:8080/", server.address().await)).await.expect("the test reaches pods");
    assert_eq!(direct.status(), 200);
}

#[tokio::test]
async fn a_pod_reaches_the_api_server_with_its_own_token() {
    let node = Node::shared().await;
    let namespace = node.namespace("caller", &[]).await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace.name()}],
    });
    namespace.apply(&binding.to_string()).await.expect("the administrator may");
    let caller = node.create(&namespace, pod::probe("caller", &["sleep"])).await;
    caller.running().await;
    let get = |path: String| {
        let url = format!("https://kubernetes.default.svc{path}");
        let (ca, token) = (format!("{ACCOUNT}/ca.crt"), format!("{ACCOUNT}/token"));
        let caller = &caller;
        async move { caller.exec("main", &["/probe", "get", &url, "--ca", &ca, "--token", &token]).await }
    };
    let own = get(format!("/api/v1/namespaces/{}/pods", namespace.name())).await;
    assert!(own.stdout.starts_with("200\n") && own.stdout.contains("\"caller\""), "{own:?}");
    let other = get("/api/v1/namespaces/kube-system/pods".to_owned()).await;
    assert!(other.stdout.starts_with("403\n"), "{other:?}");
}

#[tokio::test]
async fn a_pod_has_no_way_to_other_networks() {
    let node = Node::shared().await;
    let namespace = node.namespace("closed", &[]).await;
    let caller = node.create(&namespace, pod::probe("caller", &["sleep"])).await;
    caller.running().await;
    // An address that is nobody's (RFC 5737).
    let ran = caller.exec("main", &["/probe", "get", "http://203.0.113.1/"]).await;
    assert!(ran.code == 1 && ran.stderr.to_lowercase().contains("unreachable"), "{ran:?}");
}
