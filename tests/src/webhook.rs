//! An installation of the webhook for one test: replicas under their own role, a vault, a registration, a namespace for pods.

pub mod client;
pub mod flood;
pub mod front;
pub mod pod;
pub mod raw;
pub mod registration;
pub mod replica;

pub use client::{Answer, Asker};
pub use front::Front;
pub use pod::TestPod;
pub use replica::Replica;

use crate::world::PATIENCE;
use crate::{Cluster, Namespace, wait_for};
use akv_api::name::INJECTION_LABEL;
use k8s_openapi::api::core::v1 as core;
use kube::api::PostParams;
use kube::{Api, Client};
use local_vault::{LocalVault, Options, Seed};
use serde_json::{Value, json};
use std::sync::Arc;
use xtask::cluster::Component;

/// An identity `injector` that may read everything in the vault that every test's seed has.
const SEED: &str = r#"
identities:
- name: injector
  secret: local-secret
  roles: [{vault: shop-prod, allow: [secrets/get, secrets/list, certificates/get, keys/get]}]
vaults:
- name: shop-prod
"#;

/// All of it. Dropping it kills the replicas.
pub struct Installation {
    /// The namespace of the installation.
    pub home: Namespace,
    /// A namespace with injection.
    pub shop: Namespace,
    /// Where the objects are.
    pub vault: LocalVault,
    /// What is tested.
    pub replicas: Vec<Replica>,
    /// What the registration calls.
    pub front: Front,
    cluster: Arc<Cluster>,
    client: Client,
    environment: Vec<(String, String)>,
    command: Vec<String>,
    configuration: String,
}

impl Installation {
    /// Starts one replica and registers it. `objects` goes on where the seed of the vault `shop-prod` ends, indented by two;
    /// `args` go on the webhook's command line.
    pub async fn start(name: &str, objects: &str, args: &[&str]) -> Self {
        let cluster = Cluster::shared().await;
        let mut installation = Self::prepare(cluster, name, objects, &[&["webhook"], args].concat()).await;
        installation.add_replica().await;
        installation.register().await;
        installation
    }

    /// Everything but a replica and the registration. `command` is the subcommand with what belongs to it; `{shop}` in it
    /// stands for the namespace with injection, `{ca}` for the file of the vault's authority.
    pub async fn prepare(cluster: Arc<Cluster>, name: &str, objects: &str, command: &[&str]) -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let home = cluster.namespace(&format!("{name}-home"), &[]).await;
        let shop = cluster.namespace(&format!("{name}-shop"), &[(INJECTION_LABEL, home.name())]).await;
        let seed = Seed::parse(&format!("{SEED}{objects}")).unwrap_or_else(|e| panic!("{e}"));
        let vault = LocalVault::start(seed, Options::default()).await.unwrap_or_else(|e| panic!("{e}"));
        let mut environment = vault.environment("injector");
        environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
        let configuration = format!("akv2k8s-envinjector-{}", home.name());
        let mut all: Vec<String> = {
            let ca = vault.directory().join("ca.crt").display().to_string();
            command.iter().map(|word| word.replace("{shop}", shop.name()).replace("{ca}", &ca)).collect()
        };
        all.push(format!("--namespace-label={INJECTION_LABEL}={}", home.name()));
        all.push(format!("--mutating-configuration={configuration}"));
        all.push(format!("--validating-configuration={configuration}"));
        let client = cluster.admin().await;
        let front = Front::open().await;
        let replicas = Vec::new();
        let installation =
            Self { home, shop, vault, replicas, front, cluster, client, environment, command: all, configuration };
        installation.account(installation.shop.name()).await;
        installation
    }

    /// Starts another replica.
    pub async fn add_replica(&mut self) {
        let kubeconfig = self.home.install_everywhere(Component::Webhook).await;
        let replica =
            Replica::start(&kubeconfig, self.home.name(), self.cluster.dir(), &self.environment, &self.command).await;
        self.replicas.push(replica);
        self.front.lead_to(self.replicas.iter().map(Replica::tls).collect());
    }

    /// Starts one more process with another command line, which the registration does not reach.
    pub async fn another(&self, component: Component, command: &[&str]) -> Replica {
        let kubeconfig = self.home.install_everywhere(component).await;
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        Replica::start(&kubeconfig, self.home.name(), self.cluster.dir(), &self.environment, &command).await
    }

    /// Registers the front, and returns when the API server asks it: it learns of that a moment later.
    pub async fn register(&self) {
        for document in self.registrations() {
            self.home.put_cluster_wide(document).await;
        }
        self.until_called().await;
    }

    /// What is registered.
    pub fn registrations(&self) -> Vec<Value> {
        registration::configurations(&self.configuration, self.home.name(), self.front.address())
    }

    /// Waits until a pod with a reference is changed.
    pub async fn until_called(&self) {
        let pods = self.pods(self.shop.name());
        let tried = pod::typed(pod::with_reference("tried", "db@azurekeyvault"));
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let last = std::sync::Mutex::new(String::new());
        let look = || async {
            match pods.create(&dry, &tried).await {
                Ok(made) => made.spec.and_then(|spec| spec.init_containers).map(drop),
                Err(error) => {
                    *last.lock().unwrap_or_else(|e| e.into_inner()) = error.to_string();
                    None
                }
            }
        };
        if let Err(failure) = crate::wait::try_wait_for("the API server to ask the webhook", PATIENCE, look).await {
            panic!("{failure}: {}\n{}", last.lock().unwrap_or_else(|e| e.into_inner()), self.replicas[0].log());
        }
    }

    /// A namespace with these labels, and with the default account that pods need.
    pub async fn namespace(&self, name: &str, labels: &[(&str, &str)]) -> Namespace {
        let namespace = self.cluster.namespace(name, labels).await;
        self.account(namespace.name()).await;
        namespace
    }

    async fn account(&self, namespace: &str) {
        let accounts = Api::<core::ServiceAccount>::namespaced(self.client.clone(), namespace);
        wait_for("the default service account", PATIENCE, || async {
            accounts.get_opt("default").await.ok()?.map(drop)
        })
        .await;
    }

    /// The administrator's client.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Where it is.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// The name of both configurations.
    pub fn configuration(&self) -> &str {
        &self.configuration
    }

    /// Pods of a namespace.
    pub fn pods(&self, namespace: &str) -> Api<core::Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Creates a pod in the namespace with injection.
    pub async fn create(&self, pod: Value) -> TestPod {
        self.create_in(&self.shop, pod).await
    }

    /// Creates a pod elsewhere.
    pub async fn create_in(&self, namespace: &Namespace, pod: Value) -> TestPod {
        let made = self.try_create(namespace.name(), pod).await;
        made.unwrap_or_else(|error| {
            panic!("{error}\n{}", self.replicas.iter().map(|replica| replica.log()).collect::<String>())
        })
    }

    /// Creates a pod; the error is what a user would see.
    pub async fn try_create(&self, namespace: &str, pod: Value) -> Result<TestPod, String> {
        let pods = self.pods(namespace);
        let made = pods.create(&PostParams::default(), &pod::typed(pod)).await.map_err(|error| error.to_string())?;
        Ok(TestPod::new(self.client.clone(), made))
    }

    /// Writes a file that the command line of a webhook names; `{shop}` stands for the namespace with injection only there, so
    /// a policy says it by a pattern.
    pub fn file(cluster: &Cluster, name: &str, content: &[u8]) -> String {
        let path = cluster.dir().join(name);
        std::fs::write(&path, content).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path.display().to_string()
    }

    /// `kubectl` with `input`, in the namespace with injection: what it printed on both streams.
    pub async fn kubectl(&self, args: &[&str], input: &str) -> String {
        let mut kubectl = self.cluster.kubectl();
        kubectl.args(["-n", self.shop.name()]).args(args);
        let file = self.cluster.dir().join(format!("{}.input", self.home.name()));
        std::fs::write(&file, input).unwrap_or_else(|e| panic!("{e}"));
        kubectl.stdin(std::fs::File::open(&file).unwrap_or_else(|e| panic!("{e}")));
        let output = tokio::task::spawn_blocking(move || kubectl.output()).await;
        let output = output.unwrap_or_else(|e| panic!("{e}")).unwrap_or_else(|e| panic!("{e}"));
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    /// A resource of one secret; `output` is the spec's output in one line.
    pub async fn resource(&self, namespace: &Namespace, name: &str, object: &str, output: &str) {
        let manifest = json!({
            "apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "metadata": {"name": name},
            "spec": {"vault": {"name": "shop-prod", "object": {"name": object, "type": "secret"}}},
        });
        let mut manifest = serde_yaml_ng::to_string(&manifest).unwrap_or_else(|e| panic!("{e}"));
        if !output.is_empty() {
            manifest += &format!("  output: {output}\n");
        }
        namespace.apply(&manifest).await.unwrap_or_else(|e| panic!("{e}"));
    }

    /// Waits until the log of a replica holds this text.
    pub async fn until_logged(&self, replica: usize, text: &str) {
        wait_for(&format!("the log to hold {text}"), PATIENCE, || async {
            self.replicas[replica].log().contains(text).then_some(())
        })
        .await;
    }
}
