//! The main job: objects become targets and stay current.

use akv_tests::world::PATIENCE;
use akv_tests::{World, wait_for};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;

const OBJECTS: &str = r#"
  secrets:
  - {name: db-password, value: " hunter2\n"}
  - {name: login, value: "app:pa:ss"}
  - {name: config, value: '{"host": "db", "port": "5432"}'}
  certificates:
  - {name: web, subject: CN=web, key: ec-p256, contentType: application/x-pkcs12, exportable: true, chain: 1}
  - {name: public, subject: CN=public, key: ec-p256, contentType: application/x-pem-file, exportable: false, chain: 0}
  keys:
  - {name: sign, key: ec-p256}
"#;

/// One resource of every kind, each with a target of its own.
const RESOURCES: &str = r#"
apiVersion: spv.no/v2beta1
kind: AzureKeyVaultSecret
metadata: {name: password}
spec:
  vault: {name: shop-prod, object: {name: db-password, type: secret}}
  output:
    transform: [trim]
    secret: {name: password, dataKey: password}
    configMap: {name: password, dataKey: password}
---
apiVersion: spv.no/v2beta1
kind: AzureKeyVaultSecret
metadata: {name: login}
spec:
  vault: {name: shop-prod, object: {name: login, type: secret}}
  output: {secret: {name: login, type: kubernetes.io/basic-auth}}
---
apiVersion: spv.no/v2beta1
kind: AzureKeyVaultSecret
metadata: {name: config}
spec:
  vault: {name: shop-prod, object: {name: config, type: multi-key-value-secret, contentType: application/x-json}}
  output: {secret: {name: config}}
---
apiVersion: spv.no/v2beta1
kind: AzureKeyVaultSecret
metadata: {name: web}
spec:
  vault: {name: shop-prod, object: {name: web, type: certificate}}
  output: {secret: {name: web, type: kubernetes.io/tls, chainOrder: ensureserverfirst}}
---
apiVersion: spv.no/v2beta1
kind: AzureKeyVaultSecret
metadata: {name: public}
spec:
  vault: {name: shop-prod, object: {name: public, type: certificate}}
  output: {configMap: {name: public, dataKey: ca.crt}}
---
apiVersion: spv.no/v2beta1
kind: AzureKeyVaultSecret
metadata: {name: sign}
spec:
  vault: {name: shop-prod, object: {name: sign, type: key}}
  output: {secret: {name: sign, dataKey: key.pem, keyFormat: pem}}
---
apiVersion: spv.no/v2beta1
kind: AzureKeyVaultSecret
metadata: {name: files}
spec:
  vault:
    name: shop-prod
    objects:
    - {as: db, name: db-password, type: secret}
    - {as: web, name: web, type: certificate}
  output:
    pipeline: [{plugin: trim, only: [db]}]
    files:
    - {path: app.properties, template: "db.password={{ objects.db.value }}\n"}
    - {path: ca.pem, template: "{{ objects.web.certificate }}"}
    secret: {name: files, metadata: {labels: {app: shop}}}
"#;

#[tokio::test]
async fn every_kind_of_object_becomes_its_target_and_follows_the_vault() {
    let world = World::start("sync", OBJECTS, &["--azure-resync-period", "1"]).await;
    world.apply(RESOURCES).await;
    for name in ["password", "login", "config", "web", "public", "sign", "files"] {
        world.until(name, "Synced").await;
    }
    for (secret, key, expected) in [
        ("password", "password", "hunter2"),
        ("login", "username", "app"),
        ("login", "password", "pa:ss"),
        ("config", "port", "5432"),
        ("files", "app.properties", "db.password=hunter2\n"),
    ] {
        assert_eq!(world.value(secret, key).await.as_deref(), Some(expected), "{secret}/{key}");
    }
    for (secret, key, begins) in [
        ("web", "tls.crt", "-----BEGIN CERTIFICATE-----"),
        ("web", "tls.key", "-----BEGIN EC PRIVATE KEY-----"),
        ("sign", "key.pem", "-----BEGIN PUBLIC KEY-----"),
        ("files", "ca.pem", "-----BEGIN CERTIFICATE-----"),
    ] {
        let value = world.value(secret, key).await.unwrap_or_default();
        assert!(value.starts_with(begins), "{secret}/{key}: {}", value.len());
    }
    let public = world.config_map("public").await.and_then(|m| m.data).unwrap_or_default();
    assert!(public.get("ca.crt").is_some_and(|v| v.starts_with("-----BEGIN CERTIFICATE-----")));
    let files = world.secret("files").await.expect("it was just read");
    assert_eq!(files.metadata.labels.unwrap_or_default().get("app").map(String::as_str), Some("shop"));

    world.vault.set_secret("shop-prod", "db-password", "rotated");
    world.until_value("password", "password", "rotated").await;
    world.until_value("files", "app.properties", "db.password=rotated\n").await;
    // The ConfigMap is written after the Secret.
    wait_for("the ConfigMap to follow", PATIENCE, || async {
        (world.config_map("password").await?.data?.get("password")? == "rotated").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_poll_with_no_change_writes_nothing_and_asks_the_vault_once_an_object() {
    let world = World::start("quiet", OBJECTS, &["--azure-resync-period", "1"]).await;
    world.apply_secret("quiet", "db-password", "{secret: {name: quiet, dataKey: value}}").await;
    world.until("quiet", "Synced").await;
    // One more poll, so that whatever follows the first write has been seen.
    polls(&world, 2).await;
    let mark = world.namespace.cluster().audit_mark().await;
    let reads = world.vault.counters();
    polls(&world, 4).await;
    let events = world.namespace.cluster().audit_since(mark).await;
    let writes: Vec<String> = events
        .iter()
        .filter(|e| e.namespace() == world.namespace.name() && e.is_write() && e.resource() != "leases")
        .map(|e| format!("{} {} {}", e.user(), e.resource(), e.name()))
        .filter(|line| line.contains("akv2k8s-controller") && !line.contains("leases"))
        .collect();
    assert!(writes.is_empty(), "{writes:#?}");
    let asked = |counters: &std::collections::BTreeMap<String, u64>| -> u64 {
        counters.iter().filter(|(k, _)| k.contains("db-password")).map(|(_, n)| *n).sum()
    };
    let count = asked(&world.vault.counters()) - asked(&reads);
    assert!((4..=6).contains(&count), "{count} requests in 4 polls");
}

/// Waits until the controller has polled so often.
async fn polls(world: &World, more: u64) {
    let labels = ["object=\"AzureKeyVault\""];
    let began = world.controller.metric("akv2k8s_syncs_total", &labels).await;
    akv_tests::wait_for("polls", PATIENCE, || async {
        let now = world.controller.metric("akv2k8s_syncs_total", &labels).await;
        (now >= began + more as f64).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_edit_by_hand_is_put_right_and_a_deleted_target_comes_back() {
    let world = World::start("repair", OBJECTS, &["--azure-resync-period", "600"]).await;
    world.apply_secret("repair", "db-password", "{transform: [trim], secret: {name: repair, dataKey: value}}").await;
    world.until("repair", "Synced").await;
    let secrets: Api<Secret> = world.api();
    let patch = kube::api::Patch::Merge(serde_json::json!({"stringData": {"value": "edited"}}));
    secrets.patch("repair", &kube::api::PatchParams::default(), &patch).await.expect("an administrator may");
    world.until_value("repair", "value", "hunter2").await;
    secrets.delete("repair", &kube::api::DeleteParams::default()).await.expect("an administrator may");
    world.until_value("repair", "value", "hunter2").await;
}

#[tokio::test]
async fn an_identity_that_may_only_get_certificates_syncs_a_public_one() {
    let seed = r#"
identities:
- name: controller
  secret: local-secret
  roles: [{vault: shop-prod, allow: [certificates/get]}]
vaults:
- name: shop-prod
  certificates:
  - {name: web, subject: CN=web, key: ec-p256, contentType: application/x-pkcs12, exportable: true, chain: 0}
"#;
    let world = World::with_seed("public", seed, &[]).await;
    let resource = |name: &str, output: &str| {
        format!(
            "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: {name}}}\nspec:\n  vault: {{name: shop-prod, object: {{name: web, type: certificate}}}}\n  output: {output}\n"
        )
    };
    world.apply(&resource("public", "{secret: {name: public, dataKey: tls.crt}}")).await;
    world.until("public", "Synced").await;
    let counters = world.vault.counters();
    assert!(counters.keys().all(|k| !k.contains("secrets.")), "{counters:#?}");
    world.apply(&resource("private", "{secret: {name: private, type: kubernetes.io/tls}}")).await;
    world.until("private", "VaultForbidden").await;
    assert!(world.secret("private").await.is_none());
}
