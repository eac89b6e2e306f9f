//! The harness itself: pods start, tell what they were started with, and end.

use akv_tests::Node;
use akv_tests::node::{image, pod};
use k8s_openapi::api::core::v1 as core;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use std::time::Instant;

#[tokio::test]
async fn the_node_is_ready() {
    let node = Node::shared().await;
    let nodes = Api::<core::Node>::all(node.cluster().admin().await);
    let found = nodes.list(&ListParams::default()).await.expect("the administrator lists nodes");
    let conditions = found.items.iter().map(|node| node.status.clone().and_then(|status| status.conditions));
    let ready: Vec<_> = conditions.flatten().flatten().filter(|it| it.type_ == "Ready").map(|it| it.status).collect();
    assert_eq!(ready, ["True"]);
}

#[tokio::test]
async fn a_pod_runs_as_its_image_and_its_manifest_say() {
    let node = Node::shared().await;
    let namespace = node.namespace("shape", &[]).await;
    let of_the_image = image::probe()
        .dir("/work", 0o777)
        .user("1234:5678")
        .workdir("/work")
        .env("COLOUR", "blue")
        .entrypoint(["/probe", "report"])
        .cmd(["then", "exit", "7"]);
    node.import(&of_the_image, "localhost/shape:1").await;
    let began = Instant::now();
    let made = node.create(&namespace, pod::of("shape", json!({"image": "localhost/shape:1"}))).await;
    assert_eq!(made.ended("main").await, 7);
    eprintln!("from the pod's making to its end: {:?}", began.elapsed());
    let report = made.report("main").await;
    assert_eq!(report["argv"], json!(["/probe", "report", "then", "exit", "7"]));
    // Kubelet hands on the user of an image, and not its group.
    assert_eq!((&report["uid"], &report["gid"]), (&json!(1234), &json!(0)));
    assert_eq!(report["cwd"], "/work");
    assert_eq!(report["env"]["COLOUR"], "blue");
    assert_eq!(report["pid"], 1);
    assert_eq!(report["umask"], "0022");
    assert!(report["limits"]["Max open files"]["soft"].is_string(), "{report}");

    let env = json!({"env": [{"name": "COLOUR", "value": "red"}], "args": ["then", "exit", "0"]});
    let mut other = pod::of("other", env);
    other["spec"]["containers"][0]["image"] = "localhost/shape:1".into();
    other["spec"]["containers"][0]["securityContext"] = json!({"runAsUser": 4321});
    let other = node.create(&namespace, other).await;
    assert_eq!(other.ended("main").await, 0);
    let report = other.report("main").await;
    assert_eq!(report["env"]["COLOUR"], "red");
    assert_eq!(report["uid"], 4321);
}

#[tokio::test]
async fn a_container_is_asked_and_read_and_told_to_end() {
    let node = Node::shared().await;
    let namespace = node.namespace("asked", &[]).await;
    let began = Instant::now();
    let mut pod = pod::probe("asked", &["report", "then", "sleep"]);
    pod["spec"]["terminationGracePeriodSeconds"] = 60.into();
    // Kept until the test has seen how it ended.
    pod["metadata"]["finalizers"] = json!(["spv.no/test"]);
    let made = node.create(&namespace, pod).await;
    made.running().await;
    eprintln!("from the pod's making to its running: {:?}", began.elapsed());
    assert_eq!(made.report("main").await["uid"], 65532);
    let ran = made.exec("main", &["/probe", "read", "/etc/resolv.conf", "/etc/none"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("nameserver 10.96.0.10") && ran.stdout.contains("No such file"), "{}", ran.stdout);
    assert_eq!(made.exec("main", &["/probe", "exit", "9"]).await.code, 9);

    made.delete().await;
    assert_eq!(made.ended("main").await, 0);
    let release = json!({"metadata": {"finalizers": null}});
    let api = Api::<core::Pod>::namespaced(node.cluster().admin().await, namespace.name());
    let patch = kube::api::Patch::Merge(&release);
    api.patch(made.name(), &kube::api::PatchParams::default(), &patch).await.expect("the finalizer is ours");
}

#[tokio::test]
async fn what_the_api_server_refuses_is_told() {
    let node = Node::shared().await;
    let namespace = node.namespace("refused", &[]).await;
    let refused = node.try_create(&namespace, pod::of("Upper", json!({}))).await;
    let said = refused.err().expect("a name is in lower case").to_string();
    assert!(said.contains("lower case"), "{said}");
}
