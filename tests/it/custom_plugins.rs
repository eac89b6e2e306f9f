//! Custom plugins: allowed, refused, replaced by a good and by a bad one, over many resources.

use akv_api::plugin::AzureKeyVaultPlugin;
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Controller, wait_for};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use local_vault::{LocalVault, Options, Seed};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::Path;

const SEED: &str = "identities:\n- name: controller\n  secret: local-secret\n  roles: [{vault: shop-prod, allow: [secrets/get]}]\nvaults:\n- name: shop-prod\n  secrets: [{name: s, value: ' value '}]\n";
const RESOURCES: usize = 20;

/// A default plugin under another name stands for a custom one: it went through the same door as any foreign bytes.
fn put(dir: &Path, file: &str, bytes: &[u8]) -> String {
    std::fs::write(dir.join(file), bytes).unwrap_or_else(|e| panic!("{e}"));
    hex::encode(Sha256::digest(bytes))
}

async fn apply(cluster: &Cluster, manifest: &str) {
    let file = cluster.dir().join("manifest.yaml");
    std::fs::write(&file, manifest).unwrap_or_else(|e| panic!("{e}"));
    let applied = cluster.kubectl().args(["apply", "-f"]).arg(&file).output().unwrap_or_else(|e| panic!("{e}"));
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
}

fn plugin(file: &str, sha256: &str) -> String {
    format!(
        "apiVersion: spv.no/v1alpha1\nkind: AzureKeyVaultPlugin\nmetadata: {{name: custom}}\nspec:\n  source: {{file: {{path: {file}, sha256: \"{sha256}\"}}}}\n  namespaces: {{matchLabels: {{team: shop}}}}\n"
    )
}

fn resource(namespace: &str, name: &str) -> String {
    format!(
        "---\napiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  vault: {{name: shop-prod, object: {{name: s, type: secret}}}}\n  output:\n    pipeline: [{{plugin: custom}}]\n    secret: {{name: {name}, dataKey: v}}\n"
    )
}

async fn reason(api: &Api<akv_api::AzureKeyVaultSecret>, name: &str) -> Option<(String, String)> {
    api.get_opt(name).await.ok()??.ready().map(|c| (c.reason.clone(), c.message.clone()))
}

#[tokio::test]
async fn a_changed_source_renders_anew_and_a_bad_one_leaves_the_old_output() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let cluster = Cluster::own("plugins").await;
    let vault = LocalVault::start(Seed::parse(SEED).expect("a seed"), Options::default())
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let dir = cluster.dir().join("plugins");
    std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{e}"));
    let trim = put(&dir, "trim.wasm", akv_defaults::wasm("trim").expect("a default"));
    let encode = put(&dir, "encode.wasm", akv_defaults::wasm("base64encode").expect("a default"));
    let broken = put(&dir, "broken.wasm", &akv_defaults::wasm("trim").expect("a default")[..1000]);
    let (shop, other) = (cluster.namespace("shop", &[("team", "shop")]).await, cluster.namespace("other", &[]).await);
    let mut environment = vault.environment("controller");
    environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
    let directory = dir.display().to_string();
    let _controller = Controller::start_everywhere(&cluster, &environment, &["--plugin-dir", &directory]).await;
    let client = cluster.admin().await;
    apply(&cluster, &plugin("trim.wasm", &trim)).await;
    let all: String = (0..RESOURCES).map(|n| resource(shop.name(), &format!("r{n}"))).collect();
    apply(&cluster, &(all + &resource(other.name(), "r"))).await;

    let resources = Api::<akv_api::AzureKeyVaultSecret>::namespaced(client.clone(), shop.name());
    let secrets = Api::<Secret>::namespaced(client.clone(), shop.name());
    let until = async |what: &str, wanted_reason: &str, value: &str| {
        for n in 0..RESOURCES {
            let name = format!("r{n}");
            wait_for(&format!("{what}: {name} to be {wanted_reason} with {value:?}"), PATIENCE, || async {
                let data = secrets.get_opt(&name).await.ok()??.data?.remove("v")?;
                let reason = reason(&resources, &name).await?;
                (data.0 == value.as_bytes() && reason.0 == wanted_reason).then_some(())
            })
            .await;
        }
        println!("{what:<28} {RESOURCES} resources: {wanted_reason}, {value:?}");
    };
    until("first", "Synced", "value").await;
    apply(&cluster, &plugin("encode.wasm", &encode)).await;
    until("changed to a good one", "Synced", "IHZhbHVlIA==").await;
    apply(&cluster, &plugin("broken.wasm", &broken)).await;
    until("changed to a bad one", "PluginNotReady", "IHZhbHVlIA==").await;
    apply(&cluster, &plugin("trim.wasm", &encode)).await;
    until("bytes of another digest", "PluginNotReady", "IHZhbHVlIA==").await;
    apply(&cluster, &plugin("trim.wasm", &trim)).await;
    until("changed back", "Synced", "value").await;

    let refused = Api::<akv_api::AzureKeyVaultSecret>::namespaced(client.clone(), other.name());
    let (why, message) = wait_for("the other namespace to be refused", PATIENCE, || reason(&refused, "r")).await;
    assert_eq!(why, "PluginNotFound");
    assert!(message.contains("may not be used in namespace"), "{message}");

    // The status of the plugin says what runs; a plugin that is gone is no longer found.
    let plugins = Api::<AzureKeyVaultPlugin>::all(client);
    let status = plugins.get("custom").await.ok().and_then(|p| p.status).unwrap_or_default();
    assert_eq!((status.digest.as_deref(), status.kind.as_deref()), (Some(trim.as_str()), Some("transform")));
    let limits = json!({"spec": {"limits": {"fuel": "1"}}});
    plugins.patch("custom", &PatchParams::default(), &Patch::Merge(&limits)).await.expect("an administrator may");
    until("one unit of fuel", "PluginFailed", "value").await;
    plugins.delete("custom", &DeleteParams::default()).await.expect("an administrator may");
    until("plugin deleted", "PluginNotFound", "value").await;
}
