//! An installation of the env injector on the node: a vault that pods reach, the webhook behind its Service, a registration.
//!
//! Each test has one of its own, in a namespace of its own; the value of the injection label tells them apart.

pub mod registration;
pub mod shape;
pub mod webhook;

pub use shape::Shape;
pub use webhook::Webhook;

use crate::node::{Pod, image};
use crate::{Namespace, Node, Switch, wait_for};
use akv_api::name::INJECTION_LABEL;
use k8s_openapi::api::core::v1 as core;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use local_vault::{LocalVault, Options, Seed};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use xtask::Outcome;

/// The Service, in the namespace of the installation.
pub const SERVICE: &str = "akv2k8s-envinjector";

/// What a seed begins with: the identities `injector` and `controller`, that may read everything in the vault `shop-prod`.
pub const SEED: &str = r#"
identities:
- name: injector
  secret: local-secret-of-the-injector
  roles: [{vault: shop-prod, allow: [secrets/get, secrets/list, certificates/get, keys/get]}]
- name: controller
  secret: local-secret-of-the-controller
  roles: [{vault: shop-prod, allow: [secrets/get, secrets/list, certificates/get, certificates/list, keys/get, keys/list]}]
"#;

/// All of it. Dropping it ends the webhook and the vault.
pub struct Injection {
    /// Where pods run.
    pub node: Arc<Node>,
    /// The namespace of the installation.
    pub home: Namespace,
    /// Where the objects are. Pods reach it under its own names.
    pub vault: LocalVault,
    /// What is tested.
    pub webhook: Webhook,
    _road: Switch,
    hosts: Vec<String>,
}

impl Injection {
    /// Starts one. `vaults` is the rest of the seed, from `vaults:` on; `args` go on the webhook's command line.
    pub async fn start(name: &str, vaults: &str, args: &[&str]) -> Self {
        Self::with_seed(name, &format!("{SEED}{vaults}"), args).await
    }

    /// Starts one with a seed of its own; the identity `injector` is the webhook's.
    pub async fn with_seed(name: &str, seed: &str, args: &[&str]) -> Self {
        let node = Node::shared().await;
        node.import_env().await;
        let seed = Seed::parse(seed).unwrap_or_else(|e| panic!("{e}"));
        let vault = LocalVault::start(seed, Options::default()).await.unwrap_or_else(|e| panic!("{e}"));
        // The same port, so that an address means the same to pods and to programs of this machine.
        let (near, far) =
            (SocketAddr::new(node.host(), vault.port()), SocketAddr::from(([127, 0, 0, 1], vault.port())));
        let road = Switch::start(near, far).await;
        let names = vault.vaults().into_iter().map(|(name, _)| format!("{name}.vault.localhost"));
        let hosts = names.chain(["login.localhost".to_owned()]).collect();
        let home = node.namespace(&format!("{name}-home"), &[]).await;
        let mut environment = vault.environment("injector");
        environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
        let configuration = format!("{SERVICE}-{}", home.name());
        let authorities = vault.directory().join("ca.crt").display().to_string();
        let mut all: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        all.extend([
            format!("--namespace-label={INJECTION_LABEL}={}", home.name()),
            format!("--mutating-configuration={configuration}"),
            format!("--env-image={}", image::ENV),
            "--pull-policy=Never".to_owned(),
            format!("--pod-ca-file={authorities}"),
        ]);
        let kubeconfig = registration::install(&home, &configuration).await;
        let webhook = Webhook::start(node.host(), &home, &kubeconfig, environment, all).await;
        let injection = Self { node, home, vault, webhook, _road: road, hosts };
        injection.register(&configuration).await;
        injection
    }

    async fn register(&self, configuration: &str) {
        let service = registration::service(SERVICE, self.node.host(), self.webhook.tls(), self.webhook.mtls());
        self.home.apply(&service).await.unwrap_or_else(|failure| panic!("{failure}"));
        self.home.put_cluster_wide(registration::configuration(configuration, self.home.name())).await;
        // The API server learns of it a moment later, and of the CA bundle that the webhook puts in.
        let shop = self.namespace("tried", &[]).await;
        let pods = Api::<core::Pod>::namespaced(self.node.cluster().admin().await, shop.name());
        let tried = crate::node::pod::of(
            "tried",
            json!({"command": ["/probe"], "env": [{"name": "V", "value": "x@azurekeyvault"}]}),
        );
        let tried: core::Pod = serde_json::from_value(tried).expect("it is a pod");
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        wait_for("the API server to ask the webhook", crate::node::PATIENCE, || async {
            let made = pods.create(&dry, &tried).await.ok()?;
            made.spec?.init_containers.map(drop)
        })
        .await;
    }

    /// A namespace with injection.
    pub async fn namespace(&self, prefix: &str, labels: &[(&str, &str)]) -> Namespace {
        let all = [labels, &[(INJECTION_LABEL, self.home.name())]].concat();
        self.node.namespace(prefix, &all).await
    }

    /// Turns injection on in a namespace that was there before.
    pub async fn enable(&self, namespace: &Namespace) {
        let labelled = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": namespace.name(), "labels": {INJECTION_LABEL: self.home.name()}},
        });
        let api = Api::<core::Namespace>::all(self.node.cluster().admin().await);
        let patched = api.patch(namespace.name(), &PatchParams::default(), &Patch::Merge(&labelled)).await;
        patched.unwrap_or_else(|error| panic!("{}: {error}", namespace.name()));
    }

    /// The pod spec with the addresses of the vaults in it, which a real vault has in DNS.
    pub fn reaching_vaults(&self, mut spec: Value) -> Value {
        spec["hostAliases"] = json!([{"ip": self.node.host(), "hostnames": self.hosts}]);
        spec
    }

    /// Makes a pod that reaches the vaults.
    pub async fn create(&self, namespace: &Namespace, pod: Value) -> Pod {
        self.try_create(namespace, pod).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// As [`Self::create`], or why it is refused.
    pub async fn try_create(&self, namespace: &Namespace, mut pod: Value) -> Outcome<Pod> {
        pod["spec"] = self.reaching_vaults(pod["spec"].take());
        self.node.try_create(namespace, pod).await
    }
}

/// A resource of one object, as YAML; `output` may be empty.
pub fn resource(name: &str, kind: &str, object: &str, output: &str) -> String {
    format!(
        "---\napiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: {name}}}\nspec:\n  vault: {{name: shop-prod, object: {{name: {object}, type: {kind}}}}}\n{}",
        if output.is_empty() { String::new() } else { format!("  output: {output}\n") }
    )
}

/// A directory for `--plugin-dir`, and the manifest of the custom plugin `name` in it. A default transform under another name
/// stands for a custom one: it goes through the same door as any foreign bytes.
pub fn custom(node: &Node, name: &str) -> (String, String) {
    let dir = node.dir().join("plugins");
    std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let (file, bytes) = (format!("{name}.wasm"), akv_defaults::wasm("base64encode").expect("a default"));
    std::fs::write(dir.join(&file), bytes).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let plugin = json!({
        "apiVersion": "spv.no/v1alpha1", "kind": "AzureKeyVaultPlugin", "metadata": {"name": name},
        "spec": {"source": {"file": {"path": file, "sha256": hex::encode(Sha256::digest(bytes))}}},
    });
    (dir.display().to_string(), plugin.to_string())
}
