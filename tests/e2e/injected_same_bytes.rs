//! The same resources synced and injected give the same bytes, for every default plugin and a custom one.

use akv_tests::injection::{Injection, custom};
use akv_tests::node::{Node, PATIENCE, image};
use akv_tests::{Component, Controller, wait_for};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ROWS: &str = include_str!("../data/pods/world/same-bytes.yaml");
const PEM: &str = include_str!("../data/fixtures/key-first.pem");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    spec: Value,
    target: Option<String>,
    /// From a key of the target to the query of a variable.
    #[serde(default)]
    same: BTreeMap<String, String>,
    /// From a key of the target to the name of a file.
    #[serde(default)]
    file: BTreeMap<String, String>,
}

fn vaults() -> String {
    let secret = |name: &str, value: &str| json!({"name": name, "value": value});
    let secrets = [
        secret("text", "s3cret ä€ $(HOME) 'quoted'\nsecond line"),
        secret("padded", "  inner  "),
        secret("encoded", " czNjcmV0IMOk4oKs \n"),
        secret("settings", r#"{"user": "ann", "password": "p4ss"}"#),
        secret("login", "jo:pass:word"),
        secret("binary", "AAECAwD//g=="),
        secret("pem", PEM),
    ];
    let certificates = [json!({"name": "shop-tls", "subject": "CN=shop.example"})];
    let keys = [json!({"name": "signing", "key": "ec-p256"})];
    let vault = json!({"name": "shop-prod", "secrets": secrets, "certificates": certificates, "keys": keys});
    format!("vaults: {}\n", json!([vault]))
}

fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

#[tokio::test]
async fn what_is_synced_and_what_is_injected_are_the_same_bytes() {
    let node = Node::shared().await;
    let rows: Vec<Row> = serde_yaml_ng::from_str(ROWS).expect("rows");
    let (dir, plugin) = custom(&node, "same-custom");
    let injection = Injection::start("same", &vaults(), &["--plugin-dir", &dir]).await;
    let namespace = injection.namespace("same", &[]).await;
    let resources = rows.iter().map(|row| {
        let resource = json!({"apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {"name": row.name}, "spec": row.spec});
        format!("---\n{resource}\n")
    });
    let manifests = format!("{plugin}\n{}", resources.collect::<String>());
    namespace.apply(&manifests).await.unwrap_or_else(|failure| panic!("{failure}"));

    let mut environment = injection.vault.environment("controller");
    environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
    let kubeconfig = namespace.install(Component::Controller).await;
    let _controller = Controller::start_as(&namespace, &kubeconfig, &environment, &["--plugin-dir", &dir]).await;

    let variable = |row: &str, key: &str| format!("{row}_{key}").replace(['-', '.'], "_");
    let env: Vec<Value> = rows
        .iter()
        .flat_map(|row| row.same.iter().map(move |(key, query)| (row, key, query)))
        .map(|(row, key, query)| json!({"name": variable(&row.name, key), "value": format!("{}@azurekeyvault?{query}", row.name)}))
        .collect();
    let of_files = rows.iter().filter(|row| !row.file.is_empty());
    let annotation: Vec<String> = of_files.map(|row| format!("{}=/etc/{}", row.name, row.name)).collect();
    let files = rows.iter().flat_map(|row| row.file.iter().map(move |(key, file)| (row, key, file)));
    let files: Vec<_> = files.map(|(row, key, file)| (row, key, format!("/etc/{}/{file}", row.name))).collect();
    let command =
        ["/probe", "report", "then", "read"].into_iter().chain(files.iter().map(|(_, _, path)| path.as_str()));
    let pod = json!({
        "metadata": {"name": "same", "annotations": {"spv.no/files.main": annotation.join(",")}},
        "spec": {"restartPolicy": "Never", "containers": [{
            "name": "main", "image": image::PROBE, "imagePullPolicy": "Never", "env": env, "command": command.collect::<Vec<_>>(),
        }]},
    });
    let made = injection.create(&namespace, pod).await;
    let lines = made.lines("main", 1 + files.len()).await.unwrap_or_else(|failure| panic!("{failure}"));

    let client = node.cluster().admin().await;
    let secrets = Api::<Secret>::namespaced(client.clone(), namespace.name());
    let maps = Api::<ConfigMap>::namespaced(client, namespace.name());
    let synced = async |row: &Row| {
        wait_for(&format!("the target of {}", row.name), PATIENCE, || async {
            if row.target.as_deref() == Some("ConfigMap") {
                let data = maps.get_opt(&row.name).await.ok()??.data?;
                return Some(data.into_iter().map(|(key, text)| (key, text.into_bytes())).collect::<BTreeMap<_, _>>());
            }
            let data = secrets.get_opt(&row.name).await.ok()??.data?;
            Some(data.into_iter().map(|(key, bytes)| (key, bytes.0)).collect())
        })
        .await
    };
    let mut wrong = Vec::new();
    for row in &rows {
        let target = synced(row).await;
        let variables = row.same.keys().map(|key| {
            let found = lines[0]["env"][variable(&row.name, key)].as_str().map(|text| hex(text.as_bytes()));
            (key, found)
        });
        let of_files = files.iter().filter(|(other, ..)| other.name == row.name).map(|(_, key, path)| {
            let found = lines.iter().find(|line| line["path"] == **path).and_then(|line| line["hex"].as_str());
            (*key, found.map(str::to_owned))
        });
        for (key, injected) in variables.chain(of_files) {
            let in_target = target.get(key).map(|bytes| hex(bytes));
            let same = injected.is_some() && injected == in_target;
            println!(
                "{:<14} {key:<10} {:>5} bytes {}",
                row.name,
                target.get(key).map_or(0, Vec::len),
                if same { "the same" } else { "DIFFER" }
            );
            if !same {
                wrong.push(format!("{} {key}: {in_target:?} is synced, {injected:?} injected", row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
