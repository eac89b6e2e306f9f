//! Pods outlive what they were admitted under: intermediates of the authority, and versions of the wire.

use akv_tests::injection::{Injection, custom};
use akv_tests::node::{Node, PATIENCE, Pod, image};
use akv_tests::{Namespace, wait_for};
use akv_wire::Arguments;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{self as core, Secret};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const VAULTS: &str = "vaults:\n- name: shop-prod\n  secrets: [{name: padded, value: '  inner  '}]\n";
/// As the pod of the first wire names it.
const PLUGIN: &str = "outlived";
const FIRST_WIRE: &str = include_str!("../data/pods/world/wire-v1.yaml");
/// What the plugin makes of the object.
const VALUE: &str = "ICBpbm5lciAg";
/// Replaced after half of it.
const INTERMEDIATE_SECONDS: &str = "10";

#[tokio::test]
async fn pods_start_again_after_three_rotations_and_as_the_first_wire_wrote_them() {
    let node = Node::shared().await;
    let (dir, plugin) = custom(&node, PLUGIN);
    let args = ["--intermediate-seconds", INTERMEDIATE_SECONDS, "--plugin-dir", &dir];
    let injection = Injection::start("outlive", VAULTS, &args).await;
    let namespace = injection.namespace("outlive", &[]).await;
    let resource = json!({
        "apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {"name": "encoded"}, "spec": {
            "vault": {"name": "shop-prod", "object": {"name": "padded", "type": "secret"}},
            "output": {"pipeline": [{"plugin": PLUGIN}]},
        },
    });
    namespace.apply(&format!("{plugin}\n---\n{resource}")).await.unwrap_or_else(|failure| panic!("{failure}"));

    until_known(&injection, &namespace).await;
    let today = injection.create(&namespace, admitted()).await;
    let first = injection.create(&namespace, of_the_first_wire(&today).await).await;
    let spec = first.get().await.spec.expect("a pod has one");
    assert_eq!(spec.init_containers.map(|all| all.len()), Some(1), "admission leaves it as it is");
    for pod in [&today, &first] {
        assert_eq!(pod.report("main").await["env"]["ENCODED"], VALUE);
    }
    let seen = rotations(&injection, 3).await;
    println!("{seen} intermediates since the pods were admitted");
    for (what, pod) in [("today's wire", &today), ("the first wire", &first)] {
        pod.restart("main", "/probe").await;
        assert_eq!(pod.report("main").await["env"]["ENCODED"], VALUE, "{what}");
        println!("a pod of {what} was started again");
    }
}

fn admitted() -> Value {
    json!({
        "metadata": {"name": "today"},
        "spec": {"restartPolicy": "Always", "terminationGracePeriodSeconds": 1, "containers": [{
            "name": "main", "image": image::PROBE, "imagePullPolicy": "Never",
            "command": ["/probe", "report", "then", "sleep"], "env": [{"name": "ENCODED", "value": "encoded@azurekeyvault"}],
        }]},
    })
}

/// Waits until the webhook knows the plugin, whose digest it writes into pods.
async fn until_known(injection: &Injection, namespace: &Namespace) {
    let pods = Api::<core::Pod>::namespaced(injection.node.cluster().admin().await, namespace.name());
    let tried: core::Pod = serde_json::from_value(admitted()).expect("it is a pod");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    wait_for("the plugin to be known", PATIENCE, || async {
        let args = pods.create(&dry, &tried).await.ok()?.spec?.containers.remove(0).args?;
        args.iter().any(|arg| arg.starts_with("--plugin=")).then_some(())
    })
    .await;
}

/// The frozen pod, with what this installation has written into one of today.
async fn of_the_first_wire(today: &Pod) -> Value {
    let spec = today.get().await.spec.expect("a pod has one");
    let args = spec.containers[0].args.clone().unwrap_or_default();
    let (arguments, _) = Arguments::parse(&args).expect("the webhook wrote them");
    let filled = [
        ("{image}", image::ENV.to_owned()),
        ("{app}", image::PROBE.to_owned()),
        ("{service}", arguments.service.unwrap_or_default()),
        ("{root}", STANDARD.encode(&arguments.root)),
        ("{digest}", arguments.plugins.get(PLUGIN).cloned().expect("the resource names the plugin")),
    ];
    let text = filled.iter().fold(FIRST_WIRE.to_owned(), |text, (name, value)| text.replace(name, value));
    serde_yaml_ng::from_str(&text).expect("a pod")
}

/// Waits until the authority has had so many intermediates more.
async fn rotations(injection: &Injection, wanted: usize) -> usize {
    let secrets = Api::<Secret>::namespaced(injection.node.cluster().admin().await, injection.home.name());
    let mut seen = BTreeSet::new();
    while seen.len() <= wanted {
        let secret = secrets.get("akv2k8s-envinjector-authority").await.unwrap_or_else(|e| panic!("{e}"));
        seen.extend(secret.data.and_then(|mut data| data.remove("intermediate-0.crt")).map(|bytes| bytes.0));
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    seen.len() - 1
}
