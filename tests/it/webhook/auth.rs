//! What containers get from the auth service: a certificate, then credentials or values, and plugins.

use akv_core::PluginName;
use akv_plugin::{Artifact, Engine};
use akv_tests::webhook::pod::with_reference;
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Installation, wait_for};
use akv_wire::message::{Answer, PLUGINS};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const OBJECTS: &str =
    "  secrets: [{name: s, value: ' v4lue '}, {name: login, value: '{\"user\": \"u1\", \"password\": \"p1\"}'}]\n";

async fn resources(world: &Installation) {
    world.resource(&world.shop, "db", "s", "").await;
    world.resource(&world.shop, "login", "login", "").await;
}

/// The values of a resource that was answered with values.
fn values(answer: &Answer) -> Vec<String> {
    let Answer::Values { values, .. } = answer else {
        panic!("no values: {answer:?}");
    };
    values.iter().map(|value| String::from_utf8_lossy(value.expose()).into_owned()).collect()
}

fn refusal(answer: &Answer) -> (&str, &str) {
    match answer {
        Answer::Refused(refused) => (&refused.reason, &refused.message),
        other => panic!("no refusal: {other:?}"),
    }
}

#[tokio::test]
async fn a_starting_container_gets_credentials_with_which_it_reads_the_vault() {
    let world = Installation::start("auth", OBJECTS, &[]).await;
    resources(&world).await;
    let mut pod = with_reference("web", "db@azurekeyvault");
    pod["spec"]["initContainers"] = json!([{"name": "migrate", "image": "x", "command": ["/m"], "env": [{"name": "A", "value": "db@azurekeyvault"}]}]);
    let pod = world.create(pod).await;
    let service = world.replicas[0].mtls();
    // Nothing has reported yet; then the kubelet says that it waits, and then that it runs.
    let init = pod.enrolled(service, "migrate").await;
    assert_eq!(init.resources(&[("db", &[""])]).await.status, 200);
    pod.report("containerStatuses", &[("app", json!({"waiting": {"reason": "PodInitializing"}}))]).await;
    let asker = pod.enrolled(service, "app").await;
    let answer = asker.resources(&[("db", &[""]), ("login", &["user"]), ("gone", &[""])]).await.resources();
    let access = answer.access.expect("credentials");
    assert!(matches!(answer.resources["db"], Answer::Recipe { wait: 0, .. }), "{:?}", answer.resources["db"]);
    assert_eq!(refusal(&answer.resources["gone"]).0, "ResourceNotFound");
    pod.runs_since("app", 60).await;
    assert_eq!(asker.again().resources(&[("db", &[""])]).await.status, 200, "two minutes are not over");

    // The token opens the vault.
    let url = format!("https://shop-prod.{}/secrets/s?api-version=7.5", access.vault_suffix);
    let ca = reqwest::Certificate::from_pem(world.vault.ca_pem().as_bytes()).expect("PEM");
    let host = format!("shop-prod.{}", access.vault_suffix.split(':').next().unwrap_or_default());
    let vault =
        reqwest::Client::builder().tls_certs_only([ca]).resolve(&host, ([127, 0, 0, 1], world.vault.port()).into());
    let token = String::from_utf8_lossy(access.token.expose()).into_owned();
    let read = vault.build().expect("a client").get(&url).bearer_auth(&token).send().await.expect("an answer");
    let read: Value = read.json().await.expect("JSON");
    assert_eq!(read["value"], " v4lue ");

    let log = world.replicas[0].log();
    assert!(log.contains("verdict=\"allowed\"") && log.contains("resources=\"db,login,gone\""), "{log}");
    assert!(!log.contains("v4lue") && !log.contains(&token), "a value is in the log");
}

#[tokio::test]
async fn start_slots_spread_a_herd() {
    let world = Installation::start("slots", OBJECTS, &["--vault-reads-per-second=1"]).await;
    resources(&world).await;
    let mut waits = Vec::new();
    for n in 0..4 {
        let pod = world.create(with_reference(&format!("herd-{n}"), "db@azurekeyvault")).await;
        let asker = pod.enrolled(world.replicas[0].mtls(), "app").await;
        let answer = asker.resources(&[("db", &[""]), ("login", &[""])]).await.resources();
        waits.extend(answer.resources.values().filter_map(|one| match one {
            Answer::Recipe { wait, .. } => Some(*wait),
            _ => None,
        }));
    }
    println!("start slots of 8 reads at 1 a second, in ms: {waits:?}");
    assert!(waits.len() == 8 && waits[0] == 0 && waits[7] > waits[2] && waits[7] <= 6_000, "{waits:?}");
}

#[tokio::test]
async fn a_broker_namespace_gets_values_and_no_credentials() {
    let world = Installation::start("broker", OBJECTS, &["--broker-namespaces={shop}, other"]).await;
    resources(&world).await;
    let mut pod = with_reference(
        "web",
        "postgres://${login@azurekeyvault?user}:${login@azurekeyvault?password}@${db@azurekeyvault}/",
    );
    pod["metadata"]["annotations"] = json!({"spv.no/files.app": "db=/etc/db"});
    let pod = world.create(pod).await;
    let asker = pod.enrolled(world.replicas[0].mtls(), "app").await;
    world.shop.apply("apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {name: login}\nspec:\n  vault: {name: shop-prod, object: {name: login, type: multi-key-value-secret, contentType: application/x-json}}\n").await.expect("it is legal");
    wait_for("the resource to be seen", PATIENCE, || async {
        let answer = asker.again().resources(&[("db", &[""]), ("login", &["user", "password"])]).await;
        if answer.status == 429 {
            return None;
        }
        let answer = answer.resources();
        assert!(answer.access.is_none(), "no credentials");
        matches!(answer.resources["login"], Answer::Values { .. }).then(|| {
            assert_eq!(values(&answer.resources["db"]), [" v4lue "]);
            assert_eq!(values(&answer.resources["login"]), ["u1", "p1"]);
        })
    })
    .await;
    let log = world.replicas[0].log();
    assert!(!log.contains("v4lue") && !log.contains("p1\""), "a value is in the log");
}

#[tokio::test]
async fn a_namespace_that_the_policy_restricts_gets_values_of_what_it_may() {
    let cluster = Cluster::shared().await;
    let policy = "vaultAccess:\n- {namespaces: [\"restricted-shop-*\"], vaults: [shop-prod], objects: [s]}\n- namespaces: [\"other-*\"]\n";
    let policy = Installation::file(&cluster, "webhook-policy.yaml", policy.as_bytes());
    let command = ["webhook", "--vault-access-policy", &policy];
    let mut world = Installation::prepare(cluster, "restricted", OBJECTS, &command).await;
    resources(&world).await;
    world.add_replica().await;
    // From now on the validating webhook would refuse such a resource.
    world.register().await;
    let pod = world.create(with_reference("web", "${db@azurekeyvault}${login@azurekeyvault}")).await;
    let asker = pod.enrolled(world.replicas[0].mtls(), "app").await;
    let answer = asker.resources(&[("db", &[""]), ("login", &[""])]).await.resources();
    assert!(answer.access.is_none());
    assert_eq!(values(&answer.resources["db"]), [" v4lue "]);
    let (reason, message) = refusal(&answer.resources["login"]);
    println!("{reason}: {message}");
    assert_eq!(reason, "NotAllowed");
    let open = world.namespace("other", &[(akv_api::name::INJECTION_LABEL, world.home.name())]).await;
    world.resource(&open, "db", "s", "").await;
    let pod = world.create_in(&open, with_reference("web", "db@azurekeyvault")).await;
    let answer = pod.enrolled(world.replicas[0].mtls(), "app").await.resources(&[("db", &[""])]).await.resources();
    assert!(answer.access.is_some(), "a namespace that may everything is not restricted");
}

#[tokio::test]
async fn a_custom_plugin_is_pinned_delivered_and_rendered_where_its_engine_is_gone() {
    let cluster = Cluster::shared().await;
    let trim = akv_defaults::wasm("trim").expect("a default");
    let dir = cluster.dir().join("webhook-plugins");
    std::fs::create_dir_all(&dir).expect("a folder");
    let digest = hex::encode(Sha256::digest(trim));
    let world = Installation::start("plugin", OBJECTS, &["--plugin-dir", &dir.display().to_string()]).await;
    let (name, home) = (format!("custom-{}", world.home.name()), world.home.name().to_owned());
    let plugin = json!({
        "apiVersion": "spv.no/v1alpha1", "kind": "AzureKeyVaultPlugin", "metadata": {"name": name},
        "spec": {"source": {"file": {"path": "late.wasm", "sha256": digest}}, "namespaces": {"matchLabels": {akv_api::name::INJECTION_LABEL: home}}},
    });
    world.home.put_cluster_wide(plugin).await;
    world.resource(&world.shop, "db", "s", &format!("{{pipeline: [{{plugin: {name}}}]}}")).await;
    // The file comes later than the resource that names it.
    world.until_logged(0, "the plugin is not ready").await;
    std::fs::write(dir.join("late.wasm"), trim).expect("a file");
    let mut count = 0;
    let pod = wait_for("a pod to be admitted with the plugin's digest", PATIENCE, || {
        count += 1;
        let world = &world;
        async move {
            let pod = world.create(with_reference(&format!("web-{count}"), "db@azurekeyvault")).await;
            let pinned = !pod.arguments("app").0.plugins.is_empty();
            pinned.then_some(pod)
        }
    })
    .await;
    assert_eq!(pod.arguments("app").0.plugins, [(name.clone(), digest.clone())].into());
    let asker = pod.enrolled(world.replicas[0].mtls(), "app").await;

    let answer = asker.resources(&[("db", &[""])]).await.resources();
    assert!(matches!(answer.resources["db"], Answer::Recipe { .. }) && answer.plugins[&name].digest == digest);
    let query = format!("?engine={}&target={}", akv_plugin::made_for::ENGINE, akv_plugin::made_for::target());
    let (status, bytes) = asker.bytes(&format!("{PLUGINS}{digest}{query}")).await;
    assert_eq!(status, 200);
    let artifact = Artifact::from_bytes(bytes.clone()).expect("it is compiled");
    assert_eq!(artifact.digest(), digest);
    let engine = Engine::new().expect("an engine");
    engine.load(PluginName::parse(&name).expect("a name"), &artifact).expect("it runs here");

    let answer = asker.resources_as("wasmtime-1", &[("db", &[""])]).await.resources();
    assert!(answer.access.is_none() && answer.plugins.is_empty());
    assert_eq!(values(&answer.resources["db"]), ["v4lue"], "rendered by the service");
    let gone = asker.get(&format!("{PLUGINS}{digest}?engine=wasmtime-1&target=x")).await;
    assert_eq!((gone.status, gone.reason()), (404, "NotFound"), "{gone:?}");
    println!("plugin of {} bytes delivered; engine wasmtime-1: rendered by the service, 404 for the code", bytes.len());
}

#[tokio::test]
async fn without_the_auth_service_a_custom_plugin_is_refused_at_admission() {
    let cluster = Cluster::shared().await;
    let trim = akv_defaults::wasm("trim").expect("a default");
    Installation::file(&cluster, "off.wasm", trim);
    let digest = hex::encode(Sha256::digest(trim));
    let dir = cluster.dir().display().to_string();
    let world = Installation::start("off", OBJECTS, &["--use-auth-service=false", "--plugin-dir", &dir]).await;
    let name = format!("custom-{}", world.home.name());
    let source = json!({"file": {"path": "off.wasm", "sha256": digest}});
    let plugin = json!({"apiVersion": "spv.no/v1alpha1", "kind": "AzureKeyVaultPlugin", "metadata": {"name": name}, "spec": {"source": source}});
    world.home.put_cluster_wide(plugin).await;
    resources(&world).await;
    world.resource(&world.shop, "custom", "s", &format!("{{pipeline: [{{plugin: {name}}}]}}")).await;
    let plain = world.create(with_reference("plain", "db@azurekeyvault")).await;
    let (arguments, _) = plain.arguments("app");
    assert!(arguments.service.is_none() && arguments.root.is_empty());
    assert!(!plain.json()["spec"]["volumes"].to_string().contains("akv2k8s.spv.no/"), "no token of ours");
    let mut count = 0;
    let refused = wait_for("the plugin to be known", PATIENCE, || {
        count += 1;
        let pod = with_reference(&format!("custom-{count}"), "custom@azurekeyvault");
        async { world.try_create(world.shop.name(), pod).await.err() }
    })
    .await;
    assert!(refused.contains("which a pod can only get from the auth service"), "{refused}");
}

#[tokio::test]
async fn a_container_is_told_the_proxy_of_the_installation() {
    let url = "http://proxy.example:3128";
    let flags = [&format!("--pod-https-proxy={url}"), "--pod-no-proxy=.svc"];
    let world = Installation::start("proxy", OBJECTS, &flags).await;
    resources(&world).await;
    let pod = world.create(with_reference("web", "db@azurekeyvault")).await;
    let answer = pod.enrolled(world.replicas[0].mtls(), "app").await.resources(&[("db", &[""])]).await.resources();
    let told = |name: &str| answer.proxy.get(name).map(String::as_str);
    assert_eq!((told("HTTPS_PROXY"), told("NO_PROXY")), (Some(url), Some(".svc")));
}
