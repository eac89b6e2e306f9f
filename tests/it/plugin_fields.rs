//! Every field of an `AzureKeyVaultPlugin` that says where its bytes are and how it runs: each does something. What goes
//! wrong with them stands in `tests/data/manifests/bad`; `namespaces` and a changed source in `custom_plugins`.

use akv_api::AzureKeyVaultPlugin;
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Controller, wait_for};
use flate2::{Compression, write::GzEncoder};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use local_vault::{LocalVault, Options, Seed};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;

const SEED: &str = r#"{
    "identities": [{"name": "controller", "secret": "local-secret", "roles": [{"vault": "shop-prod", "allow": ["secrets/get"]}]}],
    "vaults": [{"name": "shop-prod", "secrets": [
        {"name": "spaces", "value": " value "},
        {"name": "json", "value": "{\"a\": \"first\", \"b\": \"second\"}"}
    ]}]
}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

fn wasm(name: &str) -> &'static [u8] {
    akv_defaults::wasm(name).expect("a default")
}

/// The digest is that of the component, packed or not.
fn sha256(name: &str) -> String {
    hex::encode(Sha256::digest(wasm(name)))
}

#[tokio::test]
async fn a_plugin_runs_from_a_config_map_or_a_file_plain_or_packed_with_the_config_of_its_resource() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let cluster = Cluster::own("plugin-fields").await;
    let namespace = cluster.namespace("fields", &[]).await;
    let client = cluster.admin().await;
    let vault = LocalVault::start(Seed::parse(SEED).expect("a seed"), Options::default()).await;
    let vault = vault.unwrap_or_else(|e| panic!("{e}"));
    let directory = cluster.dir().join("plugins");
    std::fs::create_dir_all(directory.join("packed")).unwrap_or_else(|e| panic!("{e}"));
    std::fs::write(directory.join("packed/trim.wasm.gz"), gzip(wasm("trim"))).unwrap_or_else(|e| panic!("{e}"));
    std::fs::write(directory.join("json-field.wasm"), wasm("json-field")).unwrap_or_else(|e| panic!("{e}"));
    let map = ConfigMap {
        metadata: ObjectMeta { name: Some("plugins".to_owned()), ..ObjectMeta::default() },
        binary_data: Some(BTreeMap::from([
            ("plain.wasm".to_owned(), ByteString(wasm("trim").to_vec())),
            ("packed.wasm".to_owned(), ByteString(gzip(wasm("trim")))),
        ])),
        ..ConfigMap::default()
    };
    let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace.name());
    maps.create(&PostParams::default(), &map).await.unwrap_or_else(|e| panic!("{e}"));
    let from_map = |key: &str| json!({"source": {"configMap": {"namespace": namespace.name(), "name": "plugins", "key": key, "sha256": sha256("trim")}}});
    let from_file =
        |path: &str, name: &str| json!({"source": {"file": {"path": path, "sha256": sha256(name).to_uppercase()}}});
    let mut with_config = from_file("json-field.wasm", "json-field");
    with_config["config"] = json!({"pointer": "/a"});
    with_config["limits"] = json!({"memory": "64Mi", "fuel": "2000M", "output": "1Mi"});
    let plugins = [
        ("map-plain", from_map("plain.wasm"), "trim"),
        ("map-packed", from_map("packed.wasm"), "trim"),
        ("file-packed", from_file("packed/trim.wasm.gz", "trim"), "trim"),
        ("with-config", with_config, "json-field"),
    ];
    let resources = [
        ("map-plain", "spaces", json!({"plugin": "map-plain"}), "value"),
        ("map-packed", "spaces", json!({"plugin": "map-packed"}), "value"),
        ("file-packed", "spaces", json!({"plugin": "file-packed"}), "value"),
        ("default-config", "json", json!({"plugin": "with-config"}), "first"),
        ("own-config", "json", json!({"plugin": "with-config", "config": {"pointer": "/b"}}), "second"),
    ];

    let mut environment = vault.environment("controller");
    environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
    let directory = directory.display().to_string();
    let _controller = Controller::start_everywhere(&cluster, &environment, &["--plugin-dir", &directory]).await;
    let apply = async |kind: &str, version: &str, name: &str, spec: Value| {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("spv.no", version, kind));
        let api: Api<DynamicObject> = match kind {
            "AzureKeyVaultPlugin" => Api::all_with(client.clone(), &resource),
            _ => Api::namespaced_with(client.clone(), namespace.name(), &resource),
        };
        let object =
            json!({"apiVersion": format!("spv.no/{version}"), "kind": kind, "metadata": {"name": name}, "spec": spec});
        api.patch(name, &PatchParams::apply("test"), &Patch::Apply(&object))
            .await
            .unwrap_or_else(|e| panic!("{name}: {e}"));
    };
    for (name, spec, _) in &plugins {
        apply("AzureKeyVaultPlugin", "v1alpha1", name, spec.clone()).await;
    }
    for (name, object, step, _) in &resources {
        let spec = json!({
            "vault": {"name": "shop-prod", "object": {"name": object, "type": "secret"}},
            "output": {"pipeline": [step], "secret": {"name": name, "dataKey": "v"}},
        });
        apply("AzureKeyVaultSecret", "v2beta1", name, spec).await;
    }

    let secrets = Api::<Secret>::namespaced(client.clone(), namespace.name());
    for (name, _, _, expected) in &resources {
        wait_for(&format!("{name} to be {expected:?}"), PATIENCE, || async {
            let data = secrets.get_opt(name).await.ok()??.data?.remove("v")?;
            (data.0 == expected.as_bytes()).then_some(())
        })
        .await;
        println!("{name:<16} {expected:?}");
    }
    for (name, _, default) in &plugins {
        let found = Api::<AzureKeyVaultPlugin>::all(client.clone()).get(name).await.unwrap_or_else(|e| panic!("{e}"));
        let status = found.status.unwrap_or_default();
        let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready").map(|c| c.status.as_str());
        assert_eq!((ready, status.observed_generation), (Some("True"), found.metadata.generation), "{name}");
        assert_eq!((status.digest, status.size), (Some(sha256(default)), Some(wasm(default).len() as i64)), "{name}");
        assert_eq!(
            (status.kind.as_deref(), status.wit_version.as_deref()),
            (Some("transform"), Some("0.1.0")),
            "{name}"
        );
    }
}
