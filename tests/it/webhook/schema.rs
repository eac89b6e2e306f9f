//! The config of a custom plugin against its schema, which the executable does not have: the service refuses for it.

use akv_tests::webhook::pod::with_reference;
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Installation, wait_for};
use akv_wire::message::Answer;
use serde_json::json;
use sha2::{Digest, Sha256};

/// An output of one step.
fn step(plugin: &str, config: &str) -> String {
    format!("{{pipeline: [{{plugin: {plugin}, config: {config}}}]}}")
}

#[tokio::test]
async fn a_config_that_the_schema_of_a_custom_plugin_refuses_is_refused_by_the_service() {
    let cluster = Cluster::shared().await;
    let wasm = akv_defaults::wasm("json-field").expect("a default");
    Installation::file(&cluster, "schema.wasm", wasm);
    let objects = "  secrets: [{name: s, value: '{\"password\": \"v4lue\"}'}]\n";
    let world = Installation::start("schema", objects, &["--plugin-dir", &cluster.dir().display().to_string()]).await;
    let name = format!("custom-{}", world.home.name());
    let source = json!({"file": {"path": "schema.wasm", "sha256": hex::encode(Sha256::digest(wasm))}});
    let plugin = json!({"apiVersion": "spv.no/v1alpha1", "kind": "AzureKeyVaultPlugin", "metadata": {"name": name}, "spec": {"source": source}});
    world.home.put_cluster_wide(plugin).await;
    world.resource(&world.shop, "good", "s", &step(&name, "{pointer: /password}")).await;
    world.resource(&world.shop, "wrong", "s", &step(&name, "{pointer: 5}")).await;
    world.resource(&world.shop, "surplus", "s", &step(&name, "{pointer: /password, colour: blue}")).await;

    let wanted: [(&str, &[&str]); 3] = [("good", &[""]), ("wrong", &[""]), ("surplus", &[""])];
    let pod = world.create(with_reference("web", "good@azurekeyvault")).await;
    let asker = pod.enrolled(world.replicas[0].mtls(), "app").await;
    let answer = wait_for("the plugin to be known", PATIENCE, || async {
        let answer = asker.resources(&wanted).await;
        // Who asks again at once may be told to wait, as any pod.
        let answer = (answer.status != 429).then(|| answer.resources())?;
        matches!(answer.resources.get("good"), Some(Answer::Recipe { .. })).then_some(answer)
    })
    .await;
    for (resource, words) in [("wrong", ["spec.output.pipeline[0]", "pointer"]), ("surplus", ["pipeline[0]", "colour"])]
    {
        let Answer::Refused(refused) = &answer.resources[resource] else {
            panic!("{resource}: {:?}", answer.resources[resource]);
        };
        println!("{resource}: {}: {}", refused.reason, refused.message);
        assert!(words.iter().all(|word| refused.message.contains(word)), "{}", refused.message);
        assert!(!refused.again && !refused.message.contains("v4lue"), "{refused:?}");
    }
}
