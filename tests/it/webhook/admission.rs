//! Pods through the API server: changed, refused, left alone.

use akv_tests::Installation;
use akv_tests::webhook::TestPod;
use akv_tests::webhook::pod::{typed, with_reference};
use kube::api::PostParams;
use serde_json::{Value, json};

const OBJECTS: &str = "  secrets: [{name: s, value: value}]\n";

fn is_injected(pod: &Value) -> bool {
    pod["spec"]["initContainers"][0]["name"] == "copy-azurekeyvault-env"
}

fn add_container(pod: &mut Value, container: Value) {
    pod["spec"]["containers"].as_array_mut().expect("a list").push(container);
}

#[tokio::test]
async fn a_pod_with_references_is_changed_and_others_are_not() {
    let world = Installation::start("changed", OBJECTS, &[]).await;
    let mut pod = with_reference("web", "postgres://app:${db@azurekeyvault}@host/");
    add_container(&mut pod, json!({"name": "side", "image": "side:1"}));
    pod["spec"]["initContainers"] = json!([
        {"name": "migrate", "image": "shop:1", "command": ["/migrate"], "env": [{"name": "DB", "value": "db@azurekeyvault?user"}]},
        {"name": "mesh", "image": "mesh:1", "restartPolicy": "Always", "command": ["/mesh"], "env": [{"name": "K", "value": "mesh@azurekeyvault"}]},
    ]);
    let made = world.create(pod).await;
    let json = made.json();
    assert!(is_injected(&json), "{json}");
    for (container, command) in [("app", &["/app", "serve"][..]), ("migrate", &["/migrate"]), ("mesh", &["/mesh"])] {
        assert_eq!(made.container(container)["command"], json!(["/azure-keyvault/azure-keyvault-env"]));
        let (arguments, original) = made.arguments(container);
        assert_eq!(
            (arguments.container.as_str(), original.as_slice()),
            (container, &command.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>()[..])
        );
        let url = format!("https://akv2k8s-envinjector.{}.svc:9443", world.home.name());
        assert_eq!(arguments.service, Some(url));
    }
    assert!(made.container("side")["command"].is_null() && made.container("side")["args"].is_null());
    // Nothing but the path of the variables is different: the environment is as the user wrote it.
    assert_eq!(
        made.container("app")["env"],
        json!([{"name": "DB", "value": "postgres://app:${db@azurekeyvault}@host/"}])
    );
    let plain = world.create(with_reference("plain", "nothing here")).await;
    assert!(!is_injected(&plain.json()));
    println!("inspections: {}", world.replicas[0].metric("akv2k8s_pod_inspections_total", &[]).await);
}

#[tokio::test]
async fn a_pod_is_left_alone_where_nobody_asked_for_it() {
    let world = Installation::start("alone", OBJECTS, &[]).await;
    let unlabelled = world.namespace("alone-unlabelled", &[]).await;
    let elsewhere = world.create_in(&unlabelled, with_reference("web", "db@azurekeyvault")).await;
    let mut opted_out = with_reference("out", "db@azurekeyvault");
    opted_out["metadata"]["labels"] = json!({"spv.no/inject": "disabled"});
    let out = world.create(opted_out).await;
    let mut indirect = with_reference("indirect", "plain");
    indirect["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "c"}}]);
    let not_asked = world.create(indirect.clone()).await;
    for (what, pod) in
        [("unlabelled namespace", &elsewhere), ("opted out", &out), ("envFrom without annotation", &not_asked)]
    {
        println!("{what:<28} injected: {}", is_injected(&pod.json()));
        assert!(!is_injected(&pod.json()), "{what}");
    }
    indirect["metadata"] = json!({"name": "asked", "annotations": {"spv.no/inject": "true"}});
    assert!(is_injected(&world.create(indirect).await.json()));
}

#[tokio::test]
async fn what_cannot_be_injected_is_refused_with_a_sentence_or_admitted_with_a_warning() {
    let world = Installation::start("refused", OBJECTS, &[]).await;
    let mut expanded = with_reference("expanded", "db@azurekeyvault");
    expanded["spec"]["containers"][0]["args"] = json!(["--db=$(DB)"]);
    let mut commandless = with_reference("commandless", "db@azurekeyvault");
    commandless["spec"]["containers"][0].as_object_mut().expect("an object").remove("command");
    for (pod, expected) in [
        (&expanded, "spec.containers[app].args[0]: $(DB) is put in by the kubelet"),
        (&commandless, "spv.no/command.app"),
    ] {
        let refused = world.try_create(world.shop.name(), pod.clone()).await.err().expect("a refusal");
        println!("{refused}");
        assert!(refused.contains("akv2k8s cannot inject this pod") && refused.contains(expected), "{refused}");
    }
    commandless["metadata"]["annotations"] = json!({"spv.no/command.app": "[\"/entry\", \"point\"]"});
    let stated = world.create(commandless).await;
    assert_eq!(stated.arguments("app").1, ["/entry", "point", "serve"]);
    assert!(world.replicas[0].metric("akv2k8s_pod_mutations_failed_total", &[]).await >= 2.0);

    let lenient = Installation::start("lenient", OBJECTS, &["--uninjectable-pods=admit"]).await;
    let said = lenient.kubectl(&["apply", "-f", "-"], &expanded.to_string()).await;
    println!("{said}");
    assert!(
        said.contains("pod/expanded created") && said.contains("Warning: akv2k8s cannot inject this pod"),
        "{said}"
    );
}

#[tokio::test]
async fn warnings_reach_the_user_and_a_dry_run_changes_nothing() {
    let world = Installation::start("warnings", OBJECTS, &[]).await;
    let mut slip = with_reference("slip", "my db@azurekeyvault");
    let said = world.kubectl(&["apply", "-f", "-"], &slip.to_string()).await;
    assert!(
        said.contains("pod/slip created")
            && said.contains("Warning: spec.containers[app].env[DB]: the value holds @azurekeyvault"),
        "{said}"
    );
    slip["metadata"]["name"] = json!("windows");
    slip["spec"]["os"] = json!({"name": "windows"});
    slip["spec"]["containers"][0]["env"][0]["value"] = json!("db@azurekeyvault");
    let said = world.kubectl(&["apply", "-f", "-"], &slip.to_string()).await;
    assert!(said.contains("runs on Windows"), "{said}");

    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let pods = world.pods(world.shop.name());
    let tried =
        pods.create(&dry, &typed(with_reference("dry", "db@azurekeyvault"))).await.expect("a dry run is admitted");
    assert!(tried.spec.and_then(|s| s.init_containers).is_some_and(|list| list.len() == 1));
    assert!(pods.get_opt("dry").await.expect("an answer").is_none());

    // `kubectl debug --env` writes the subresource.
    let base = world.create(with_reference("base", "db@azurekeyvault")).await;
    let debug = json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": "x", "env": [{"name": "A", "value": "db@azurekeyvault"}]}]}});
    let said = world
        .kubectl(&["patch", "pod", "base", "--subresource=ephemeralcontainers", "-p", &debug.to_string()], "")
        .await;
    println!("{said}");
    assert!(
        said.contains("Warning: spec.ephemeralContainers[debug]: references of an ephemeral container stay text"),
        "{said}"
    );
    drop(base);
}

/// A pod that was admitted, as somebody who copies it would create it again.
fn copied(pod: &TestPod, name: &str) -> Value {
    let json = pod.json();
    let mut spec = json["spec"].clone();
    // What other admission adds for this one pod.
    spec.as_object_mut().expect("an object").remove("nodeName");
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "annotations": json["metadata"]["annotations"]}, "spec": spec})
}

#[tokio::test]
async fn a_pod_that_is_admitted_twenty_times_is_the_same() {
    let world = Installation::start("twenty", OBJECTS, &[]).await;
    let mut pod = with_reference("first", "db@azurekeyvault");
    pod["metadata"]["annotations"] = json!({"spv.no/files.app": "tls=/etc/tls"});
    let env = json!([{"name": "A", "value": "x${a@azurekeyvault}"}]);
    add_container(&mut pod, json!({"name": "side", "image": "side:1", "command": ["/side"], "env": env}));
    let first = world.create(pod).await;
    assert!(is_injected(&first.json()));
    let mut last = first.clone();
    for n in 0..20 {
        last = world.create(copied(&last, &format!("copy-{n}"))).await;
        assert_eq!(last.json()["spec"], first.json()["spec"], "admission {n}");
    }
    println!("20 admissions of a pod with two injected containers and files: one spec");
}
