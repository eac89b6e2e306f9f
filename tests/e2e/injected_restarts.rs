//! Containers that start again, within the window and after it, and what a token is worth after it.

use akv_tests::injection::{self, Injection};
use akv_tests::node::{PATIENCE, Pod, image};
use akv_tests::{Namespace, wait_for};
use akv_wire::message::{CERTIFICATE, RESOURCES};
use k8s_openapi::jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, Identity};
use serde_json::{Value, json};
use std::net::SocketAddr;

const VALUE: &str = "value-of-the-restarts";
/// Seconds; the least that the flag takes.
const WINDOW: i64 = 10;

async fn start(name: &str, args: &[&str]) -> (Injection, Namespace) {
    let vaults = format!("vaults:\n- name: shop-prod\n  secrets: [{{name: db, value: '{VALUE}'}}]\n");
    let injection = Injection::start(name, &vaults, args).await;
    let namespace = injection.namespace(name, &[]).await;
    let applied = namespace.apply(&injection::resource("db", "secret", "db", "")).await;
    applied.unwrap_or_else(|failure| panic!("{failure}"));
    (injection, namespace)
}

fn lasting(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Always", "terminationGracePeriodSeconds": 1, "containers": [{
            "name": "main", "image": image::PROBE, "imagePullPolicy": "Never",
            "command": ["/probe", "report", "then", "sleep"], "env": [{"name": "DB", "value": "db@azurekeyvault"}],
        }]},
    })
}

/// Seconds since the container started, by the kubelet's word.
async fn age(pod: &Pod) -> Option<i64> {
    let started = pod.status("main").await?.state?.running?.started_at?;
    Some(Timestamp::now().as_second() - started.0.as_second())
}

async fn until_old(pod: &Pod) {
    wait_for("the window to be over", PATIENCE, || async { (age(pod).await? > WINDOW + 1).then_some(()) }).await;
}

/// Ends the application, and waits until it runs again with its value.
async fn end_and_see(pod: &Pod) {
    pod.restart("main", "/probe").await;
    let report = pod.report("main").await;
    assert_eq!(report["env"]["DB"], VALUE);
}

#[tokio::test]
async fn a_container_starts_again_by_itself_within_the_window_and_after_it() {
    let window = WINDOW.to_string();
    let (injection, namespace) = start("restarts", &["--start-window", &window]).await;
    let pod = injection.create(&namespace, lasting("restarts")).await;
    assert_eq!(pod.report("main").await["env"]["DB"], VALUE);
    pod.running().await;
    let within = age(&pod).await;
    end_and_see(&pod).await;
    println!("ended {} s after its start: it runs again and has its value", within.unwrap_or_default());
    until_old(&pod).await;
    let after = age(&pod).await;
    end_and_see(&pod).await;
    println!("ended {} s after its start: it runs again and has its value", after.unwrap_or_default());
    pod.delete().await;
}

/// Whoever holds the token of a container, with any program.
struct Thief {
    url: String,
    to: SocketAddr,
    root: Certificate,
    token: String,
}

impl Thief {
    async fn of(injection: &Injection, pod: &Pod) -> Self {
        let read = pod.exec("main", &["/probe", "read", "/var/run/secrets/akv2k8s/token"]).await;
        let read: Value = serde_json::from_str(&read.stdout).unwrap_or_else(|e| panic!("{e}: {read:?}"));
        let spec = pod.get().await.spec.expect("it has one");
        let args = spec.containers[0].args.clone().unwrap_or_default();
        let arguments = akv_wire::Arguments::parse(&args).expect("our arguments").0;
        Self {
            url: arguments.service.expect("the service is on"),
            to: SocketAddr::new(injection.node.host(), injection.webhook.mtls()),
            root: Certificate::from_der(&arguments.root).expect("the root"),
            token: read["content"].as_str().unwrap_or_default().trim().to_owned(),
        }
    }

    fn client(&self, identity: Option<Identity>) -> Client {
        let url = reqwest::Url::parse(&self.url).expect("a URL");
        let builder = Client::builder().no_proxy().tls_certs_only([self.root.clone()]);
        // The name stays, for the certificate; the port of the Service is not that of this machine.
        let builder = builder.resolve(url.host_str().unwrap_or_default(), self.to);
        let builder = match identity {
            Some(identity) => builder.identity(identity),
            None => builder,
        };
        builder.build().expect("a client")
    }

    fn address(&self, path: &str) -> String {
        let url = reqwest::Url::parse(&self.url).expect("a URL");
        format!("https://{}:{}{path}", url.host_str().unwrap_or_default(), self.to.port())
    }

    async fn certificate(&self, container: &str) -> (u16, Value, String) {
        let key = KeyPair::generate().expect("a key");
        let request = CertificateParams::default().serialize_request(&key).expect("a request").pem().expect("PEM");
        let body = json!({"container": container, "token": self.token, "request": request});
        let answer = self.client(None).post(self.address(CERTIFICATE)).json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default(), key.serialize_pem())
    }

    async fn resources(&self, chain: &str, key: &str) -> (u16, Value) {
        let identity = Identity::from_pem(format!("{chain}{key}").as_bytes()).expect("an identity");
        let body = json!({"engine": "none", "target": "none", "resources": [{"name": "db", "queries": [null], "files": false}]});
        let answer =
            self.client(Some(identity)).post(self.address(RESOURCES)).json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
}

#[tokio::test]
async fn a_token_and_a_certificate_are_worth_nothing_after_the_window() {
    let window = WINDOW.to_string();
    let (injection, namespace) = start("replay", &["--start-window", &window]).await;
    let pod = injection.create(&namespace, lasting("replay")).await;
    pod.running().await;
    let thief = Thief::of(&injection, &pod).await;
    let (status, answer, key) = thief.certificate("main").await;
    assert_eq!(status, 200, "within the window the token is the container's: {answer}");
    let chain = answer["chain"].as_str().unwrap_or_default().to_owned();
    let (status, _) = thief.resources(&chain, &key).await;
    assert_eq!(status, 200, "and so is the certificate");
    let (status, answer, _) = thief.certificate("copy-azurekeyvault-env").await;
    assert_eq!(status, 401, "a token speaks for one container: {answer}");
    until_old(&pod).await;
    let (status, answer, _) = thief.certificate("main").await;
    println!("token after the window: {status} {answer}");
    assert_eq!((status, &answer["reason"]), (409, &json!("NotStarting")));
    let (status, answer) = thief.resources(&chain, &key).await;
    println!("certificate after the window: {status} {answer}");
    assert_eq!((status, &answer["reason"]), (409, &json!("NotStarting")));
    pod.delete().await;
}
