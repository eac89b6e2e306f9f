//! Hostile plugins in a controller that has other work: each fails the one resource that uses it.

use akv_api::AzureKeyVaultSecret;
use akv_api::plugin::AzureKeyVaultPlugin;
use akv_api::reason;
use akv_tests::guest::{Expected, FUEL, Into, Kind, MEMORY, Row, component, rows};
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Controller, Namespace, wait_for};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use local_vault::{LocalVault, Options, Seed};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The value; it is no key and no code, so that a plugin which repeats it shows.
const CANARY: &str = "Canary hunter2!";
const SEED: &str = "identities:\n- name: controller\n  secret: local-secret\n  roles: [{vault: shop-prod, allow: [secrets/get]}]\nvaults:\n- name: shop-prod\n  secrets: [{name: s, value: 'Canary hunter2!'}, {name: h, value: first}]\n";
/// The compiler ends after so much CPU that a busy machine takes minutes for it.
const COMPILING: Duration = Duration::from_secs(600);
/// Resources that use no hostile plugin.
const HEALTHY: usize = 10;

fn put(dir: &Path, name: &str, bytes: &[u8]) -> String {
    std::fs::write(dir.join(name), bytes).unwrap_or_else(|e| panic!("{e}"));
    hex::encode(Sha256::digest(bytes))
}

fn plugin(name: &str, sha256: &str) -> String {
    let memory = MEMORY >> 20;
    format!(
        "---\napiVersion: spv.no/v1alpha1\nkind: AzureKeyVaultPlugin\nmetadata: {{name: {name}}}\nspec:\n  source: {{file: {{path: {name}, sha256: \"{sha256}\"}}}}\n  limits: {{fuel: \"{FUEL}\", memory: {memory}Mi}}\n"
    )
}

fn resource(name: &str, object: &str, output: &str) -> String {
    format!(
        "---\napiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: {name}}}\nspec:\n  vault: {{name: shop-prod, object: {{name: {object}, type: secret}}}}\n  output: {output}\n"
    )
}

fn output(plugin: &str, used_as: Kind, into: Into) -> String {
    let target = match into {
        Into::Secret => "secret",
        Into::ConfigMap => "configMap",
    };
    match used_as {
        Kind::Transform => format!("{{pipeline: [{{plugin: {plugin}}}], {target}: {{name: {plugin}, dataKey: v}}}}"),
        Kind::Output => format!("{{plugin: {{name: {plugin}}}, {target}: {{name: {plugin}}}}}"),
    }
}

/// The reason that a row's resource must get, and words of its message.
fn expected(row: &Row) -> (&'static str, String) {
    match &row.expect {
        Expected::Refused { refused } => (reason::PLUGIN_NOT_READY, refused.clone()),
        Expected::Failed { blame, code } => {
            let reason = match blame.as_str() {
                "config" => reason::INVALID_CONFIG,
                "input" => reason::INVALID_INPUT,
                _ => reason::PLUGIN_FAILED,
            };
            (reason, code.clone())
        }
    }
}

/// KiB of a process's own memory, without the pages of its program.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_else(|e| panic!("{line:?}: {e}"))
}

/// Waits until the healthy resources have `value` and say that they are current.
async fn healthy(secrets: &Api<Secret>, resources: &Api<AzureKeyVaultSecret>, value: &str) {
    for n in 0..HEALTHY {
        let name = format!("healthy-{n}");
        wait_for(&format!("{name} to have {value:?}"), PATIENCE, || async {
            let data = secrets.get_opt(&name).await.ok()??.data?.remove("v")?;
            let (status, why, _) = ready(&resources.get_opt(&name).await.ok()??)?;
            (data.0 == value.as_bytes() && status == "True" && why == "Synced").then_some(())
        })
        .await;
    }
}

fn ready(resource: &AzureKeyVaultSecret) -> Option<(String, String, String)> {
    resource.ready().map(|c| (c.status.clone(), c.reason.clone(), c.message.clone()))
}

struct Installation {
    vault: LocalVault,
    controller: Controller,
    namespace: Namespace,
    cluster: Arc<Cluster>,
}

/// A controller with a plugin directory, in a cluster of its own, since plugins are not of one namespace.
async fn install(
    name: &'static str,
    seed: &str,
    period: &str,
    manifests: impl FnOnce(&Path) -> String,
) -> Installation {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let cluster = Cluster::own(name).await;
    let seed = Seed::parse(seed).expect("a seed");
    let vault = LocalVault::start(seed, Options::default()).await.unwrap_or_else(|e| panic!("{e}"));
    let dir = cluster.dir().join("plugins");
    std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{e}"));
    let manifests = manifests(&dir);
    let namespace = cluster.namespace(name, &[]).await;
    let mut environment = vault.environment("controller");
    environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
    let directory = dir.display().to_string();
    let args = ["--plugin-dir", &directory, "--azure-resync-period", period];
    let controller = Controller::start_everywhere(&cluster, &environment, &args).await;
    namespace.apply(&manifests).await.unwrap_or_else(|e| panic!("{e}"));
    Installation { vault, controller, namespace, cluster }
}

#[tokio::test]
async fn each_hostile_plugin_fails_its_one_resource_and_the_others_stay_in_sync() {
    // Ten seconds of each look belong to the one that outlasts its fuel; `akv-plugin`'s own test has it.
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.name != "outlasts-its-fuel").collect();
    let manifests = |dir: &Path| {
        let hostile = rows.iter().map(|row| {
            let sha256 = put(dir, &row.name, &row.file());
            plugin(&row.name, &sha256) + &resource(&row.name, "s", &output(&row.name, row.used_as(), row.target))
        });
        let good = put(dir, "good", &component(Kind::Transform, None, ""));
        // Half of them use a custom plugin that behaves, beside those that do not.
        let healthy = (0..HEALTHY).map(|n| {
            let step = if n % 2 == 0 { "good" } else { "trim" };
            let output = format!("{{pipeline: [{{plugin: {step}}}], secret: {{name: healthy-{n}, dataKey: v}}}}");
            resource(&format!("healthy-{n}"), "h", &output)
        });
        hostile.chain([plugin("good", &good)]).chain(healthy).collect()
    };
    let mut world = install("hostile", SEED, "2", manifests).await;
    let client = world.cluster.admin().await;
    let resources = Api::<AzureKeyVaultSecret>::namespaced(client.clone(), world.namespace.name());
    let secrets = Api::<Secret>::namespaced(client.clone(), world.namespace.name());
    healthy(&secrets, &resources, "first").await;
    let early = resident(world.controller.pid());

    let wanted: BTreeMap<&str, (&str, String)> = rows.iter().map(|row| (row.name.as_str(), expected(row))).collect();
    let mut said = BTreeMap::new();
    for (name, (reason, words)) in &wanted {
        let seen = wait_for(&format!("{name} to be {reason} with {words:?}"), COMPILING, || async {
            let (status, why, message) = ready(&resources.get_opt(name).await.ok()??)?;
            (status == "False" && why == *reason && message.contains(words.as_str())).then_some(message)
        })
        .await;
        println!("{name:<36} {reason}: {seen}");
        said.insert(*name, seen);
    }
    for (name, message) in &said {
        assert!(message.contains(&format!("plugin {name}")), "{name}: the message does not name it: {message}");
        assert!(secrets.get_opt(name).await.expect("an answer").is_none(), "{name} has a target");
    }

    let failed = resident(world.controller.pid());

    // While each of them is tried again and again, the others follow the vault.
    for value in ["second", "third"] {
        world.vault.set_secret("shop-prod", "h", value);
        healthy(&secrets, &resources, value).await;
    }
    world.controller.check_alive();
    let looks = world.controller.metric("akv2k8s_syncs_total", &[]).await;
    println!(
        "{} hostile, {HEALTHY} healthy, {looks} looks; the controller: {early} KiB early, {failed} KiB when all had failed, {} KiB at the end",
        rows.len(),
        resident(world.controller.pid())
    );

    let events = Api::<Event>::namespaced(client.clone(), world.namespace.name()).list(&Default::default()).await;
    let plugins = Api::<AzureKeyVaultPlugin>::all(client).list(&Default::default()).await;
    let places = [
        ("log", world.controller.log()),
        ("metrics", world.controller.metrics().await),
        (
            "resources",
            serde_json::to_string(&resources.list(&Default::default()).await.expect("a list").items).expect("JSON"),
        ),
        ("events", serde_json::to_string(&events.expect("a list").items).expect("JSON")),
        ("plugins", serde_json::to_string(&plugins.expect("a list").items).expect("JSON")),
    ];
    for (place, text) in places {
        assert!(text.len() > 1000, "{place} is empty");
        assert!(!text.contains(CANARY) && !text.contains("Q2FuYXJ5IGh1bnRlcjIh"), "the value is in the {place}");
    }
}

#[tokio::test]
async fn a_custom_plugin_that_needs_the_private_part_causes_exactly_one_more_read() {
    let seed = "identities:\n- name: controller\n  secret: local-secret\n  roles: [{vault: shop-prod, allow: [certificates/get, secrets/get]}]\nvaults:\n- name: shop-prod\n  certificates:\n  - {name: web, subject: CN=web, key: ec-p256, contentType: application/x-pkcs12, exportable: true, chain: 0}\n";
    // Two plugins that differ in nothing but what they need of the first object: its public part, or its private part too.
    let first = "(call $need (i32.load (local.get $objects)) (i32.load offset=4 (local.get $objects)) (i32.const 0))";
    let second = "(i64.store offset=12 (i32.const 2048) (i64.load (i32.const 2048)))
        (i32.store8 offset=20 (i32.const 2048) (i32.const 1))";
    let needs = [
        ("public", format!("{first} (call $list (i32.const 2048) (i32.const 1))")),
        ("both", format!("{first} {second} (call $list (i32.const 2048) (i32.const 2))")),
    ];
    let manifests = |dir: &Path| {
        let one = |(name, body): &(&str, String)| {
            plugin(name, &put(dir, name, &component(Kind::Output, Some(("needs", body)), "")))
        };
        needs.iter().map(one).collect()
    };
    let world = install("needs", seed, "600", manifests).await;
    let client = world.cluster.admin().await;
    for (name, _) in &needs {
        wait_for(&format!("plugin {name} to be ready"), PATIENCE, || async {
            let plugin = Api::<AzureKeyVaultPlugin>::all(client.clone()).get_opt(name).await.ok()??;
            plugin.status?.digest.map(drop)
        })
        .await;
    }
    let resources = Api::<AzureKeyVaultSecret>::namespaced(client, world.namespace.name());
    let sync = async |name: &str, output: &str| {
        let manifest = resource(name, "web", output).replace("type: secret}", "type: certificate}");
        world.namespace.apply(&manifest).await.unwrap_or_else(|e| panic!("{e}"));
        wait_for(&format!("{name} to be current"), PATIENCE, || async {
            let (status, _, _) = ready(&resources.get_opt(name).await.ok()??)?;
            (status == "True").then_some(())
        })
        .await;
    };
    // The first request to each half of the vault also learns where to get a token.
    sync("first", "{secret: {name: first, type: kubernetes.io/tls}}").await;
    let mut counted = Vec::new();
    for (name, _) in &needs {
        world.vault.reset_counters();
        sync(name, &output(name, Kind::Output, Into::Secret)).await;
        let mut counters = world.vault.counters();
        counters.retain(|label, _| label.starts_with("shop-prod "));
        println!("{name:<8} {counters:?}");
        counted.push(counters);
    }
    let reads = |of: &[(&str, u64)]| of.iter().map(|(label, n)| ((*label).to_owned(), *n)).collect::<BTreeMap<_, _>>();
    assert_eq!(counted[0], reads(&[("shop-prod certificates.get web", 1)]));
    assert_eq!(counted[1], reads(&[("shop-prod certificates.get web", 1), ("shop-prod secrets.get web", 1)]));
}
