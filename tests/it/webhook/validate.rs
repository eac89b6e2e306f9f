//! Our own resources through the API server: the validating webhook says what the schema cannot.

use akv_api::AzureKeyVaultSecret;
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Installation, wait_for};
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use std::path::Path;

/// The rows of `tests/data/manifests/DIR`.
fn rows(dir: &str) -> Vec<(String, Value)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/manifests").join(dir);
    let files = std::fs::read_dir(&dir).expect("the rows").map(|file| file.expect("a row").path());
    let mut rows: Vec<_> = files
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a row");
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (name, serde_yaml_ng::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
        })
        .collect();
    rows.sort_by(|a: &(String, Value), b| a.0.cmp(&b.0));
    rows
}

/// Tries to create it; the error is what a user would see.
async fn create(world: &Installation, namespace: &str, mut manifest: Value, name: &str) -> Result<(), String> {
    manifest["metadata"]["name"] = json!(name);
    let version =
        manifest["apiVersion"].as_str().and_then(|v| v.strip_prefix("spv.no/")).unwrap_or_default().to_owned();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("spv.no", &version, "AzureKeyVaultSecret"));
    let api: Api<DynamicObject> = Api::namespaced_with(world.client(), namespace, &resource);
    let object = serde_json::from_value(manifest).expect("an object");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    api.create(&dry, &object).await.map(drop).map_err(|error| error.to_string())
}

/// Waits until the API server asks: until then, and whenever the webhook is gone, everything passes.
async fn until_asked(world: &Installation) {
    let bad = json!({"apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {}, "spec": {
        "vault": {"name": "shop-prod", "object": {"name": "s", "type": "secret"}},
        "output": {"transform": ["no-such-plugin"], "secret": {"name": "x", "dataKey": "v"}},
    }});
    wait_for("the validating webhook to be asked", PATIENCE, || async {
        create(world, world.shop.name(), bad.clone(), "tried").await.err().map(drop)
    })
    .await;
}

#[tokio::test]
async fn what_only_plugins_can_say_is_refused_and_what_a_value_would_say_is_not() {
    let world = Installation::start("validate", "", &[]).await;
    until_asked(&world).await;
    let mut refused = 0;
    for (name, row) in rows("bad") {
        let found = row["found"].as_str().unwrap_or_default();
        if row["manifest"]["kind"] != "AzureKeyVaultSecret" || !["plugin", "value"].contains(&found) {
            continue;
        }
        let answer = create(&world, world.shop.name(), row["manifest"].clone(), &name).await;
        match (found, answer) {
            // Its plugin is not installed here, which is what is said first.
            (_, Err(said)) if said.contains("plugin-not-found") && !row["plugins"].is_null() => {}
            ("plugin", Err(said)) => {
                let (path, sentence) =
                    (row["path"].as_str().unwrap_or_default(), row["sentence"].as_str().unwrap_or_default());
                assert!(said.contains("azurekeyvaultsecrets.admission.spv.no"), "{name}: {said}");
                assert!(said.contains(path) && said.contains(sentence), "{name}: {said}");
                println!(
                    "{name:<36} {}",
                    said.split("denied the request: ").nth(1).and_then(|s| s.split(':').nth(1)).unwrap_or_default()
                );
                refused += 1;
            }
            ("value", Ok(())) => {}
            // A template that names what is not there is seen before any value is.
            ("value", Err(said)) if said.contains(row["path"].as_str().unwrap_or("none")) => refused += 1,
            (found, answer) => panic!("{name} ({found}): {answer:?}"),
        }
    }
    let (mut accepted, mut custom) = (0, 0);
    for (name, row) in rows("accepted") {
        if row["manifest"]["kind"] != "AzureKeyVaultSecret" {
            continue;
        }
        match create(&world, world.shop.name(), row["manifest"].clone(), &name).await {
            Ok(()) => accepted += 1,
            // These name plugins that somebody would have to install.
            Err(said) if said.contains("there is no") => custom += 1,
            Err(said) => panic!("{name}: {said}"),
        }
    }
    // A plugin and a resource that uses it come by one `kubectl apply`, and the plugin's file a moment later.
    let name = format!("custom-{}", world.home.name());
    let source = json!({"file": {"path": "x.wasm", "sha256": "0".repeat(64)}});
    let plugin = json!({"apiVersion": "spv.no/v1alpha1", "kind": "AzureKeyVaultPlugin", "metadata": {"name": name}, "spec": {"source": source}});
    world.home.put_cluster_wide(plugin).await;
    let uses = json!({"apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {}, "spec": {
        "vault": {"name": "shop-prod", "object": {"name": "s", "type": "secret"}},
        "output": {"pipeline": [{"plugin": name}], "secret": {"name": "x", "dataKey": "v"}},
    }});
    create(&world, world.shop.name(), uses, "with-its-plugin").await.expect("the plugin is listed");
    println!("{refused} refused; {accepted} accepted, {custom} name plugins that are not installed");
    assert!(refused >= 4 && accepted > 40 && custom < 8);
}

#[tokio::test]
async fn warnings_reach_the_user_and_old_faults_do_not_stop_a_label() {
    let world = Installation::start("ratchet", "", &[]).await;
    let manifest = "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {name: db}\nspec:\n  vault: {name: shop-prod, object: {name: s, type: secret, contentType: application/x-json}}\n  output: {transform: [no-such-plugin], secret: {name: db, dataKey: v}}\n";
    // Before anybody is asked it passes.
    let api = Api::<AzureKeyVaultSecret>::namespaced(world.client(), world.shop.name());
    let made: AzureKeyVaultSecret = serde_yaml_ng::from_str(manifest).expect("a resource");
    let configuration =
        Api::<k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration>::all(world.client());
    let selector = |value: &str| {
        Patch::<()>::Json(serde_json::from_value(json!([
        {"op": "replace", "path": "/webhooks/0/namespaceSelector/matchLabels", "value": {akv_api::name::INJECTION_LABEL: value}}
    ])).expect("a patch"))
    };
    configuration
        .patch(world.configuration(), &PatchParams::default(), &selector("nobody"))
        .await
        .expect("it is legal");
    wait_for("the old resource to be accepted", PATIENCE, || async {
        api.create(&PostParams::default(), &made).await.ok().map(drop)
    })
    .await;
    configuration
        .patch(world.configuration(), &PatchParams::default(), &selector(world.home.name()))
        .await
        .expect("it is legal");
    until_asked(&world).await;

    let said = world.kubectl(&["label", "azurekeyvaultsecret", "db", "team=shop"], "").await;
    println!("{said}");
    assert!(said.contains("labeled") && said.contains("Warning:") && said.contains("no-such-plugin"), "{said}");
    let said = world
        .kubectl(
            &[
                "patch",
                "azurekeyvaultsecret",
                "db",
                "--type=merge",
                "-p",
                r#"{"spec":{"vault":{"object":{"name":"t"}}}}"#,
            ],
            "",
        )
        .await;
    assert!(said.contains("denied the request") && said.contains("no-such-plugin"), "{said}");
    let said = world
        .kubectl(
            &[
                "patch",
                "azurekeyvaultsecret",
                "db",
                "--type=merge",
                "-p",
                r#"{"spec":{"output":{"transform":["trim"]}}}"#,
            ],
            "",
        )
        .await;
    println!("{said}");
    assert!(said.contains("patched") && said.contains("Warning: spec.vault.object.contentType"), "{said}");
}

#[tokio::test]
async fn the_policy_is_said_at_once_and_without_a_webhook_everything_passes() {
    let cluster = Cluster::shared().await;
    let policy = "vaultAccess:\n- {namespaces: [\"policy-shop-*\"], vaults: [shop-prod], objects: [\"s*\"]}\n";
    let policy = Installation::file(&cluster, "validate-policy.yaml", policy.as_bytes());
    let mut world = Installation::start("policy", "", &["--vault-access-policy", &policy]).await;
    until_asked(&world).await;
    let manifest = |object: &str| {
        json!({"apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {}, "spec": {
            "vault": {"name": "shop-prod", "object": {"name": object, "type": "secret"}}, "output": {"secret": {"name": "x", "dataKey": "v"}},
        }})
    };
    create(&world, world.shop.name(), manifest("s1"), "may").await.expect("the policy allows it");
    let said = create(&world, world.shop.name(), manifest("other"), "may-not").await.expect_err("the policy does not");
    println!("{said}");
    assert!(said.contains("spec.vault: the vaultAccess policy does not let namespace"), "{said}");
    world.replicas[0].kill();
    create(&world, world.shop.name(), manifest("other"), "nobody-asked").await.expect("failurePolicy Ignore");
}
