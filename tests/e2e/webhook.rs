//! The API server calls webhooks of this machine, by a Service and by their address.

use akv_tests::node::{PATIENCE, pod};
use akv_tests::{Namespace, Node, wait_for};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1 as core;
use kube::Api;
use kube::api::PostParams;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// A webhook that labels every pod. It is trivial, but its TLS and its admission reviews are real.
struct Labeller {
    port: u16,
    certificate: String,
}

impl Labeller {
    fn start(address: IpAddr, names: Vec<String>) -> Self {
        let made = rcgen::generate_simple_self_signed(names).expect("the names are legal");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .expect("the key is the certificate's");
        let (config, listener) = (Arc::new(config), TcpListener::bind((address, 0)).expect("the wire has free ports"));
        let port = listener.local_addr().expect("a listener has an address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                // What goes wrong here the API server says, and the test shows it.
                std::thread::spawn(move || answer(stream, config).map_err(|error| error.to_string()));
            }
        });
        Self { port, certificate: STANDARD.encode(made.cert.pem()) }
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> Result<(), Box<dyn Error>> {
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
    let mut request = Vec::new();
    let mut some = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                let review: Value = serde_json::from_str(body)?;
                let body = labelled(&review).to_string();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
                write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len())?;
                stream.conn.send_close_notify();
                return Ok(stream.flush()?);
            }
        }
        match stream.read(&mut some)? {
            0 => return Ok(()),
            n => request.extend_from_slice(&some[..n]),
        }
    }
}

fn labelled(review: &Value) -> Value {
    let patch = json!([{"op": "add", "path": "/metadata/labels", "value": {"labelled": "yes"}}]);
    json!({
        "apiVersion": review["apiVersion"], "kind": review["kind"],
        "response": {
            "uid": review["request"]["uid"], "allowed": true, "patchType": "JSONPatch",
            "patch": STANDARD.encode(patch.to_string()),
        },
    })
}

/// Registers it for pods of one namespace, and returns when the API server calls it; it learns of it a moment later.
async fn register(node: &Node, namespace: &Namespace, client_config: Value) {
    let name = namespace.name();
    let client = node.cluster().admin().await;
    let home = Api::<core::Namespace>::all(client.clone()).get(name).await.expect("it is there");
    let owner = json!({"apiVersion": "v1", "kind": "Namespace", "name": name, "uid": home.metadata.uid});
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        // The end of the namespace is the registration's too.
        "metadata": {"name": name, "ownerReferences": [owner]},
        "webhooks": [{
            "name": "labeller.spv.no", "clientConfig": client_config, "sideEffects": "None", "failurePolicy": "Fail",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 30,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            "matchConditions": [{"name": "wanted", "expression": "object.metadata.name != 'left-alone'"}],
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }],
    });
    namespace.apply(&webhook.to_string()).await.expect("the registration is legal");
    let pods = Api::<core::Pod>::namespaced(client, name);
    let tried: core::Pod = serde_json::from_value(pod::probe("tried", &["exit", "0"])).expect("it is a pod");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    wait_for("the webhook to be called", PATIENCE, || async {
        let made = pods.create(&dry, &tried).await.unwrap_or_else(|error| panic!("{error}"));
        is_labelled(&made).then_some(())
    })
    .await;
}

fn is_labelled(pod: &core::Pod) -> bool {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get("labelled")).is_some_and(|value| value == "yes")
}

async fn check(node: &Node, namespace: &Namespace) {
    let made = node.create(namespace, pod::probe("seen", &["exit", "0"])).await;
    assert!(is_labelled(&made.get().await));
    assert_eq!(made.ended("main").await, 0);
    let other = node.create(namespace, pod::probe("left-alone", &["exit", "0"])).await;
    assert!(!is_labelled(&other.get().await), "its matchConditions leave it out");
}

#[tokio::test]
async fn a_webhook_behind_a_service_is_called() {
    let node = Node::shared().await;
    let namespace = node.namespace("by-service", &[]).await;
    let labeller = Labeller::start(node.host(), vec![format!("labeller.{}.svc", namespace.name())]);
    node.service_on_host(&namespace, "labeller", 443, labeller.port).await;
    let service = json!({"name": "labeller", "namespace": namespace.name(), "path": "/pods"});
    register(&node, &namespace, json!({"service": service, "caBundle": labeller.certificate})).await;
    check(&node, &namespace).await;
}

#[tokio::test]
async fn a_webhook_with_an_address_is_called() {
    let node = Node::shared().await;
    let namespace = node.namespace("by-address", &[]).await;
    let labeller = Labeller::start(node.host(), vec![node.host().to_string()]);
    let url = format!("https://{}:{}/pods", node.host(), labeller.port);
    register(&node, &namespace, json!({"url": url, "caBundle": labeller.certificate})).await;
    check(&node, &namespace).await;
}
