//! Resources that were stored while a looser definition stood: each says so itself, and no other is kept from its work.

use akv_api::AzureKeyVaultPlugin;
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Controller, Namespace, wait_for};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSONSchemaProps};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use local_vault::{LocalVault, Options, Seed};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const SEED: &str = "identities:\n- name: controller\n  secret: local-secret\n  roles: [{vault: shop-prod, allow: [secrets/get]}]\nvaults:\n- name: shop-prod\n  secrets: [{name: s, value: ' value '}]\n";

/// Who is called what, what its spec is, what is said of it, and whether the API server takes a condition. It lets what is
/// already wrong be, except where a rule stumbles over it.
const BAD: [(&str, &str, &str, bool); 4] = [
    (
        "a-word",
        r#"{"vault": {"name": "shop-prod", "object": {"name": "s", "type": "Secret"}}}"#,
        "spec.vault.object.type: Unsupported value: \"Secret\": supported values: \"secret\", \"certificate\", \"key\", \"multi-key-value-secret\"",
        true,
    ),
    (
        "a-missing-field",
        r#"{"vault": {"object": {"name": "s", "type": "secret"}}}"#,
        "spec.vault.name: Required value",
        true,
    ),
    (
        "a-number",
        r#"{"vault": {"name": "shop-prod", "object": {"name": "s", "type": "secret"}}, "output": {"secret": {"name": "t", "dataKey": 8080}}}"#,
        "spec.output.secret.dataKey: must be of type string: \"integer\"; put it in quotes",
        false,
    ),
    ("a-text", r#"{"vault": "shop-prod"}"#, "spec.vault: must be of type object: \"string\"", false),
];

fn resource(kind: &str, name: &str, namespace: Option<&str>, spec: Value) -> Value {
    let version = if kind == "AzureKeyVaultSecret" { "spv.no/v2beta1" } else { "spv.no/v1alpha1" };
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

fn good(name: &str) -> Value {
    json!({
        "vault": {"name": "shop-prod", "object": {"name": "s", "type": "secret"}},
        "output": {"pipeline": [{"plugin": "good"}], "secret": {"name": name, "dataKey": "v"}},
    })
}

fn api(client: &Client, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let version = if kind == "AzureKeyVaultSecret" { "v2beta1" } else { "v1alpha1" };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("spv.no", version, kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// The definitions with schemas that take everything, or as they are, served as such.
async fn definitions(client: &Client, loose: bool) {
    let crds = Api::<CustomResourceDefinition>::all(client.clone());
    for mut crd in akv_api::crd::all() {
        for version in crd.spec.versions.iter_mut().filter(|_| loose) {
            let schema = version.schema.get_or_insert_default();
            let any = JSONSchemaProps {
                type_: Some("object".to_owned()),
                x_kubernetes_preserve_unknown_fields: Some(true),
                ..JSONSchemaProps::default()
            };
            schema.open_api_v3_schema = Some(any);
        }
        let name = crd.name_any();
        let put = crds.patch(&name, &PatchParams::apply("akv2k8s-crd").force(), &Patch::Apply(&crd)).await;
        put.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

/// Stores what only the loose definition takes. It is served a while after it was written.
async fn store(client: &Client, object: Value) {
    let (kind, name) =
        (object["kind"].as_str().unwrap_or_default(), object["metadata"]["name"].as_str().unwrap_or_default());
    let api = api(client, kind, object["metadata"]["namespace"].as_str());
    wait_for(&format!("{name} to be stored"), PATIENCE, || async {
        api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&object)).await.ok()
    })
    .await;
}

/// Waits until the API server refuses what only the loose definition takes.
async fn until_strict(client: &Client, namespace: &str) {
    let api = api(client, "AzureKeyVaultSecret", Some(namespace));
    let probe = resource("AzureKeyVaultSecret", "probe", Some(namespace), json!({"vault": 1}));
    let dry_run = PatchParams { dry_run: true, ..PatchParams::apply("test") };
    wait_for("the definition to be strict", PATIENCE, || async {
        api.patch("probe", &dry_run, &Patch::Apply(&probe)).await.err().map(drop)
    })
    .await;
}

async fn ready(client: &Client, kind: &str, namespace: Option<&str>, name: &str) -> Option<Condition> {
    let object = api(client, kind, namespace).get_opt(name).await.ok()??;
    let conditions = object.data.pointer("/status/conditions")?.clone();
    let conditions: Vec<Condition> = serde_json::from_value(conditions).ok()?;
    let current = |c: &Condition| c.type_ == "Ready" && c.observed_generation == object.metadata.generation;
    conditions.into_iter().find(current)
}

struct Stage {
    cluster: Arc<Cluster>,
    namespace: Namespace,
    client: Client,
    _vault: LocalVault,
    environment: Vec<(String, String)>,
    directory: String,
}

impl Stage {
    async fn new() -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let cluster = Cluster::own("unreadable").await;
        let namespace = cluster.namespace("unreadable", &[]).await;
        let client = cluster.admin().await;
        let seed = Seed::parse(SEED).expect("a seed");
        let vault = LocalVault::start(seed, Options::default()).await.unwrap_or_else(|e| panic!("{e}"));
        let mut environment = vault.environment("controller");
        environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
        let directory = cluster.dir().join("plugins");
        std::fs::create_dir_all(&directory).unwrap_or_else(|e| panic!("{e}"));
        let trim = akv_defaults::wasm("trim").expect("a default");
        std::fs::write(directory.join("trim.wasm"), trim).unwrap_or_else(|e| panic!("{e}"));
        let directory = directory.display().to_string();
        Self { cluster, namespace, client, _vault: vault, environment, directory }
    }

    fn secret(&self, name: &str, spec: Value) -> Value {
        resource("AzureKeyVaultSecret", name, Some(self.namespace.name()), spec)
    }

    async fn synced(&self, name: &str) {
        let secrets = Api::<Secret>::namespaced(self.client.clone(), self.namespace.name());
        wait_for(&format!("{name} to be synced"), PATIENCE, || async {
            let data = secrets.get_opt(name).await.ok()??.data?.remove("v")?;
            (data.0 == b"value").then_some(())
        })
        .await;
    }

    async fn says(&self, kind: &str, name: &str, expected: &str) {
        let namespace = (kind == "AzureKeyVaultSecret").then(|| self.namespace.name());
        let condition = wait_for(&format!("{kind} {name} to say what is wrong"), PATIENCE, || async {
            ready(&self.client, kind, namespace, name).await.filter(|c| c.status == "False")
        })
        .await;
        assert_eq!((condition.reason.as_str(), condition.message.as_str()), ("InvalidSpec", expected), "{name}");
        println!("{kind:<20} {name:<16} {}", condition.message);
    }
}

#[tokio::test]
async fn a_resource_that_does_not_fit_the_types_keeps_no_other_from_its_work() {
    let stage = Stage::new().await;
    let sha256 = hex::encode(Sha256::digest(akv_defaults::wasm("trim").expect("a default")));
    let plugin = json!({"source": {"file": {"path": "trim.wasm", "sha256": sha256}}});
    definitions(&stage.client, true).await;
    for (name, spec, ..) in BAD {
        store(&stage.client, stage.secret(name, serde_json::from_str(spec).expect("JSON"))).await;
    }
    let mut bad_plugin = plugin.clone();
    bad_plugin["limits"] = json!("much");
    store(&stage.client, resource("AzureKeyVaultPlugin", "bad", None, bad_plugin)).await;
    definitions(&stage.client, false).await;
    until_strict(&stage.client, stage.namespace.name()).await;
    store(&stage.client, resource("AzureKeyVaultPlugin", "good", None, plugin)).await;
    store(&stage.client, stage.secret("first", good("first"))).await;
    // The list of our own type fails as a whole: this is what the controller has to bear.
    assert!(Api::<AzureKeyVaultPlugin>::all(stage.client.clone()).list(&Default::default()).await.is_err());

    let args = ["--plugin-dir", &stage.directory];
    let controller = Controller::start_everywhere(&stage.cluster, &stage.environment, &args).await;
    stage.synced("first").await;
    for (name, _, expected, _) in BAD.iter().filter(|(.., condition)| *condition) {
        stage.says("AzureKeyVaultSecret", name, expected).await;
    }
    stage.says("AzureKeyVaultPlugin", "bad", "spec.limits: must be of type object: \"string\"").await;
    for (name, _, expected, _) in BAD {
        wait_for(&format!("a line of the log about {name}"), PATIENCE, || async {
            let said = |line: &str| line.contains("left alone") && line.contains(&format!("name={name:?}"));
            controller.log().lines().any(|line| said(line) && line.contains(expected)).then_some(())
        })
        .await;
    }

    // While it runs: what stops to fit is left alone, the target keeps what it had, and what is mended is taken up again.
    definitions(&stage.client, true).await;
    let mut spoilt = good("first");
    spoilt["vault"]["object"]["type"] = json!("Secret");
    store(&stage.client, stage.secret("first", spoilt)).await;
    stage.says("AzureKeyVaultSecret", "first", BAD[0].2).await;
    definitions(&stage.client, false).await;
    until_strict(&stage.client, stage.namespace.name()).await;
    stage.synced("first").await;
    store(&stage.client, stage.secret("second", good("second"))).await;
    stage.synced("second").await;
    for name in ["first", "a-word"] {
        store(&stage.client, stage.secret(name, good(name))).await;
        wait_for(&format!("{name} to be taken up again"), PATIENCE, || async {
            let namespace = Some(stage.namespace.name());
            ready(&stage.client, "AzureKeyVaultSecret", namespace, name).await.filter(|c| c.status == "True")
        })
        .await;
        stage.synced(name).await;
    }
}
