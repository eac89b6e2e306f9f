//! The pods of the examples: whoever looks into them as their pages say sees what the pages say.

use akv_tests::node::image;
use akv_tests::page::steps;
use akv_tests::{Injection, Node};
use serde_json::Value;
use xtask::layout;

/// The image of the pods on the pages. The node has no way to a registry.
const IMAGE: &str = "docker.io/library/busybox:1.37";
/// What a page writes before the command that it runs in its pod.
const LOOK: &str = "kubectl exec ";

fn read(example: &str, file: &str) -> String {
    let path = layout::root().join("examples").join(example).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The vaults of an example's seed, whose identity is the test's own here.
fn vaults(example: &str) -> String {
    let seed = read(example, "vault.yaml");
    let (_, vaults) = seed.split_once("\nvaults:\n").unwrap_or_else(|| panic!("{example} has no vaults"));
    format!("vaults:\n{vaults}")
}

async fn check(example: &str, resources: &str) {
    Node::shared().await.import(&image::busybox(), IMAGE).await;
    let injection = Injection::start(example, &vaults(example), &[]).await;
    // The namespace is the test's own, too.
    let namespace = injection.namespace("example", &[]).await;
    let here = |text: String| text.replace("  namespace: shop\n", "");
    namespace.apply(&here(read(example, resources))).await.unwrap_or_else(|failure| panic!("{failure}"));
    let deployment: Value = serde_yaml_ng::from_str(&read(example, "deployment.yaml")).expect("a Deployment");
    let mut pod = deployment["spec"]["template"].clone();
    pod["metadata"]["name"] = deployment["metadata"]["name"].clone();
    let container = pod["spec"]["containers"][0]["name"].as_str().expect("a container").to_owned();
    let made = injection.create(&namespace, pod).await;
    made.running().await;
    let mut looks = 0;
    for step in steps(&read(example, "README.md")).iter().filter(|step| step.command.starts_with(LOOK)) {
        let (_, command) = step.command.split_once(" -- ").expect("a command in the pod");
        let ran = made.exec(&container, &command.split_whitespace().collect::<Vec<_>>()).await;
        let missing = step.missing(&ran.stdout);
        assert!(ran.code == 0 && missing.is_empty(), "{}: {ran:?} without {missing:?}", step.command);
        println!("{example}: {command}: {}", ran.stdout.trim_end().replace('\n', " "));
        looks += step.prints.len();
    }
    assert!(looks >= 2, "the page of {example} says what is seen in the pod");
}

#[tokio::test]
async fn the_process_of_the_page_sees_values() {
    check("05-inject", "resources.yaml").await;
}

#[tokio::test]
async fn the_container_of_the_page_sees_files() {
    check("06-files-in-a-pod", "resource.yaml").await;
}
