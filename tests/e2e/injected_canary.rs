//! A value that must be in the environment of one process and nowhere else, and a sidecar that tries to get at it.

use akv_tests::injection::{self, Injection};
use akv_tests::node::{PATIENCE, Pod, image};
use akv_tests::{Namespace, Node, wait_for};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

const CANARY: &str = "canary-8d1c4ff07b52";
/// The beginning of it in base64.
const ENCODED: &str = "Y2FuYXJ5LThkMWM0ZmYwN2I1";
/// What is looked for in the same places and must be found, or the look shows nothing.
const PLACEHOLDER: &str = "canary@azurekeyvault";

/// The names of the files of the node that hold a text. `places` may be patterns of the shell. The text goes by a pipe, so
/// that the look itself is not what is found.
fn files_with(node: &Node, text: &str, places: &str) -> Vec<String> {
    let mut sh = node.command("sh");
    sh.args(["-c", &format!("grep -rlaFs -f /dev/stdin -- {places} || true")]);
    let mut sh = sh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap_or_else(|e| panic!("grep: {e}"));
    let written = sh.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
    assert!(matches!(written, Some(Ok(()))), "{written:?}");
    let output = sh.wait_with_output().unwrap_or_else(|e| panic!("grep: {e}"));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The processes of the node in whose environment a text stands.
fn processes_with(node: &Node, text: &str) -> Vec<String> {
    files_with(node, text, "/proc/[0-9]*/environ")
        .into_iter()
        .filter_map(|file| file.split('/').nth(2).map(str::to_owned))
        .collect()
}

fn holds(text: &str) -> bool {
    text.contains(CANARY) || text.contains(ENCODED)
}

fn check(place: &str, text: &str) {
    assert!(text.len() > 50, "the {place} is empty");
    assert!(!holds(text), "the value is in the {place}");
    println!("{place}: {} bytes without the value", text.len());
}

fn bytes_of(dir: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())).flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => all.extend(bytes_of(&path)),
            false => all.extend(std::fs::read(&path).unwrap_or_default()),
        }
    }
    all
}

fn is_in(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn everything(injection: &Injection, namespace: &Namespace, pod: &Pod) {
    let node = &injection.node;
    let cluster = node.cluster();
    let client = cluster.admin().await;
    check("pod", &serde_json::to_string(&pod.get().await).expect("JSON"));
    let secrets = Api::<Secret>::all(client.clone()).list(&ListParams::default()).await.expect("a list").items;
    let maps = Api::<ConfigMap>::all(client).list(&ListParams::default()).await.expect("a list").items;
    check("Secrets", &serde_json::to_string(&secrets).expect("JSON"));
    check("ConfigMaps", &serde_json::to_string(&maps).expect("JSON"));
    check("log of the webhook", &injection.webhook.log());
    check("metrics of the webhook", &injection.webhook.metrics().await);

    let etcd = bytes_of(&cluster.etcd_dir());
    assert!(is_in(&etcd, PLACEHOLDER), "etcd's files hold the pod's spec as it is");
    assert!(!is_in(&etcd, CANARY) && !is_in(&etcd, ENCODED), "the value is in etcd's files");
    println!("etcd: {} bytes without the value", etcd.len());

    // State of kubelet and containerd, their sockets' folders, memory volumes, logs of containers; then logs of the parts.
    let places = ["/var/lib", "/var/log", "/run", "/dev/shm"];
    let logs = format!("{}/*.log", cluster.dir().display());
    let all = [places.join(" "), logs].join(" ");
    let known = files_with(node, PLACEHOLDER, &all);
    assert!(known.iter().any(|file| file.contains("containerd")), "containerd keeps the container's spec: {known:?}");
    for text in [CANARY, ENCODED] {
        let found = files_with(node, text, &all);
        assert!(found.is_empty(), "the value is in {found:?}");
    }
    println!("node: the reference is in {} files, the value in none", known.len());

    let cmdlines = files_with(node, CANARY, "/proc/[0-9]*/cmdline");
    assert!(cmdlines.is_empty(), "the value is in the command line of {cmdlines:?}");
    // The container runs before the application does: the executable is first.
    let holders = wait_for("the application to have the value", PATIENCE, || async {
        Some(processes_with(node, CANARY)).filter(|holders| !holders.is_empty())
    })
    .await;
    assert_eq!(holders.len(), 1, "processes with the value: {holders:?}");
    let cmdline = node.command("cat").arg(format!("/proc/{}/cmdline", holders[0])).output().expect("cat");
    assert_eq!(String::from_utf8_lossy(&cmdline.stdout), "/probe\0sleep\0", "it is the application's");
    println!("processes: the value is in the environment of one, the application");
    for container in ["main", "other"] {
        let events = pod.logs(container).await;
        assert!(!holds(&events), "the value is in the log of {container}");
    }
    let mut kubectl = cluster.kubectl();
    let events = kubectl.args(["get", "events", "-n", namespace.name(), "-o", "json"]).output().expect("kubectl");
    check("events", &String::from_utf8_lossy(&events.stdout));
}

#[tokio::test]
async fn an_injected_value_is_in_one_process_and_nowhere_else() {
    let vaults = format!("vaults:\n- name: shop-prod\n  secrets: [{{name: plain, value: '{CANARY}'}}]\n");
    let injection = Injection::start("canary", &vaults, &["--log-level", "trace"]).await;
    let namespace = injection.namespace("canary", &[]).await;
    let manifests = injection::resource("canary", "secret", "plain", "");
    namespace.apply(&manifests).await.unwrap_or_else(|failure| panic!("{failure}"));
    let container = |name: &str, value: &str| {
        // `report` would print it.
        json!({"name": name, "image": image::PROBE, "imagePullPolicy": "Never", "command": ["/probe", "sleep"], "env": [{"name": "CANARY", "value": value}]})
    };
    let pod = json!({
        "metadata": {"name": "canary"},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [
            container("main", PLACEHOLDER), container("other", "text"),
        ]},
    });
    let made = injection.create(&namespace, pod).await;
    made.running().await;
    wait_for("the application to have started", PATIENCE, || async {
        (processes_with(&injection.node, CANARY).len() == 1).then_some(())
    })
    .await;
    everything(&injection, &namespace, &made).await;
    injection.node.restart_kubelet(&made, "main").await;
    println!("kubelet restarted; the same once more:");
    everything(&injection, &namespace, &made).await;

    let blind = made.exec("other", &["/probe", "read", "/proc/1/environ", "then", "report"]).await;
    assert_eq!(blind.code, 0, "{}", blind.stderr);
    check("other container", &blind.stdout);
    let cmdline = made.exec("main", &["/probe", "read", "/proc/1/cmdline"]).await;
    assert!(cmdline.stdout.contains("/probe"), "{}", cmdline.stdout);
    check("command line of the process", &cmdline.stdout);
    made.delete().await;
}

#[tokio::test]
async fn a_sidecar_neither_reads_the_files_nor_replaces_the_executable() {
    let vaults = format!("vaults:\n- name: shop-prod\n  secrets: [{{name: plain, value: '{CANARY}'}}]\n");
    let injection = Injection::start("sidecar", &vaults, &[]).await;
    let namespace = injection.namespace("sidecar", &[]).await;
    let manifests = injection::resource(
        "canary",
        "secret",
        "plain",
        "{files: [{path: f, template: \"{{ objects.plain.value }}\"}]}",
    )
    .replace("object: {name: plain, type: secret}", "objects: [{as: plain, name: plain, type: secret}]");
    namespace.apply(&manifests).await.unwrap_or_else(|failure| panic!("{failure}"));
    let container = |name: &str, env: serde_json::Value| {
        json!({
            "name": name, "image": image::PROBE, "imagePullPolicy": "Never", "command": ["/probe", "sleep"], "env": env,
            // As bad as a container may be that is not privileged.
            "securityContext": {"runAsUser": 0},
        })
    };
    let pod = json!({
        "metadata": {"name": "sidecar", "annotations": {"spv.no/files.main": "canary=/etc/canary"}},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [
            container("main", json!([])),
            container("injected", json!([{"name": "F", "value": PLACEHOLDER.to_owned() + "?f"}])),
            container("plain", json!([])),
        ]},
    });
    let made = injection.create(&namespace, pod).await;
    made.running().await;
    let ready = || async {
        let ran = made.exec("main", &["/probe", "read", "/etc/canary/f"]).await;
        ran.stdout.contains(CANARY).then_some(())
    };
    wait_for("the file", PATIENCE, ready).await;
    let executable = "/azure-keyvault/azure-keyvault-env";
    for (container, path, why) in [
        ("injected", executable, "Read-only file system"),
        ("injected", "/azure-keyvault/other", "Read-only file system"),
        ("main", executable, "Read-only file system"),
        ("plain", executable, "No such file"),
    ] {
        let ran = made.exec(container, &["/probe", "write", path]).await;
        println!("{container} writes {path}: {}", ran.stderr.lines().next().unwrap_or_default());
        assert!(ran.code != 0 && ran.stderr.contains(why), "{container} wrote {path}: {ran:?}");
    }
    for container in ["injected", "plain"] {
        for path in ["/etc/canary/f", "/proc/1/root/etc/canary/f"] {
            let ran = made.exec(container, &["/probe", "read", path]).await;
            assert!(ran.stdout.contains("No such file") && !ran.stdout.contains(CANARY), "{container}: {ran:?}");
        }
    }
    let token = made.exec("plain", &["/probe", "read", "/var/run/secrets/akv2k8s/token"]).await;
    assert!(token.stdout.contains("No such file"), "a container without references has no token: {token:?}");
    println!("files and token: neither is there for the next container");
    made.delete().await;
}
