//! Pods of every shape: each file of `tests/data/pods`, all at once, through the real API server and the webhook's Service.

use akv_tests::injection::custom;
use akv_tests::injection::shape::{self, Place, Shape};
use akv_tests::node::{PATIENCE, Pod, image};
use akv_tests::{Injection, Namespace, Node, wait_for};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;
use std::time::Instant;

const VAULT: &str = include_str!("../data/pods/world/vault.yaml");
const RESOURCES: &str = include_str!("../data/pods/world/resources.yaml");

async fn images(node: &Node) {
    let report = image::probe().user("65532").workdir("/srv/shop").entrypoint(["/probe"]).cmd(["report"]);
    node.import(&report, "localhost/shop-report:1").await;
    let words = ["/probe", "report", "then", "read", "/$(HOME)", "$$(x)"];
    node.import(&image::probe().user("65532").entrypoint(words), "localhost/shop-dollar:1").await;
    for (path, name) in
        [("/bin/shop", "localhost/shop-static:1"), ("/azure-keyvault/azure-keyvault-env", "localhost/shop-original:1")]
    {
        node.import(&image::probe_at(path), name).await;
    }
}

async fn make(injection: &Injection, namespace: &Namespace, shape: &Shape) -> Pod {
    let before = shape.before();
    if shape.job.is_none() {
        return injection.create(namespace, before).await;
    }
    let spec = injection.reaching_vaults(before["spec"].clone());
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": shape.name},
        "spec": {"backoffLimit": 0, "template": {"metadata": before["metadata"], "spec": spec}},
    });
    let client = injection.node.cluster().admin().await;
    let job: Job = serde_json::from_value(job).expect("it is a Job");
    let made = Api::<Job>::namespaced(client.clone(), namespace.name()).create(&PostParams::default(), &job).await;
    made.unwrap_or_else(|error| panic!("{}: {error}", shape.name));
    let pods = Api::<core::Pod>::namespaced(client, namespace.name());
    let params = ListParams::default().labels(&format!("job-name={}", shape.name));
    let name = wait_for("the Job's pod", PATIENCE, || async {
        pods.list(&params).await.ok()?.items.into_iter().next()?.metadata.name
    })
    .await;
    injection.node.find(namespace, &name).await
}

async fn look(shape: &Shape, pod: &Pod) -> Vec<String> {
    let mut faults = Vec::new();
    for (container, saw) in &shape.saw {
        match pod.lines(container, saw.lines()).await {
            Ok(lines) => faults.extend(saw.faults(&lines).into_iter().map(|fault| format!("{container}: {fault}"))),
            Err(failure) => {
                faults.push(format!("{container}: {failure}"));
                continue;
            }
        }
        if let Some(exit) = saw.exit {
            let code = pod.ended(container).await;
            if code != exit {
                faults.push(format!("{container}: its exit code is {code}"));
            }
        }
        if saw.ready == Some(true) {
            let ready = |pod: &core::Pod| {
                let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
                statuses.into_iter().flatten().any(|status| status.name == *container && status.ready)
            };
            pod.until("to be ready", ready).await;
        }
    }
    faults.extend(shape.faults_of_pod(&pod.get().await));
    faults
}

#[tokio::test]
async fn pods_of_every_shape_see_what_they_should() {
    let node = Node::shared().await;
    let (dir, plugin) = custom(&node, "shapes-custom");
    images(&node).await;
    let injection = Injection::start("shapes", VAULT, &["--plugin-dir", &dir]).await;
    let restricted = [("pod-security.kubernetes.io/enforce", "restricted")];
    let namespaces = [
        (Place::Enabled, injection.namespace("shapes", &[]).await),
        (Place::Restricted, injection.namespace("restricted", &restricted).await),
        (Place::Unlabelled, node.namespace("unlabelled", &[]).await),
    ];
    for (_, namespace) in &namespaces {
        namespace.apply(&format!("{RESOURCES}---\n{plugin}")).await.unwrap_or_else(|failure| panic!("{failure}"));
    }
    let shapes = shape::all();
    let wanted = std::env::var("SHAPE").ok();
    let shapes: Vec<Shape> =
        shapes.into_iter().filter(|shape| wanted.as_ref().is_none_or(|wanted| shape.name.contains(wanted))).collect();
    let began = Instant::now();
    let (injection, namespaces) = (&injection, &namespaces);
    let of = move |place| namespaces.iter().find(|(other, _)| *other == place).map(|(_, namespace)| namespace);
    let ran = shapes.iter().map(|shape| async move {
        let namespace = of(shape.namespace).expect("each place has a namespace");
        let pod = make(injection, namespace, shape).await;
        (shape, look(shape, &pod).await, began.elapsed())
    });
    let ran = futures::future::join_all(ran).await;
    let mut wrong = Vec::new();
    for (shape, faults, took) in &ran {
        let verdict = if faults.is_empty() { "ok".to_owned() } else { faults.join("; ") };
        println!("{:<28} {:>5.1} s  {verdict}    ({})", shape.name, took.as_secs_f32(), shape.shows);
        if !faults.is_empty() {
            wrong.push(format!("{}: {}", shape.name, faults.join("; ")));
        }
    }
    println!("{} shapes in {:.1} s", ran.len(), began.elapsed().as_secs_f32());
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), injection.webhook.log());
}
