//! A namespace with a vault and a controller of its own: what a test of the product stands in.

use crate::controller::Controller;
use crate::{Cluster, Component, Gate, Namespace, wait_for};
use akv_api::AzureKeyVaultSecret;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::DeleteParams;
use kube::{Api, Client};
use local_vault::{LocalVault, Options, Seed};
use std::sync::Arc;
use std::time::Duration;

/// A poll is a second in most tests; everything else is a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The vault that every test's seed has, and an identity `controller` that may read everything in it.
const SEED: &str = r#"
identities:
- name: controller
  secret: local-secret
  roles: [{vault: shop-prod, allow: [secrets/get, secrets/list, certificates/get, certificates/list, keys/get, keys/list]}]
vaults:
- name: shop-prod
"#;

/// All of it. Dropping it kills the controller.
pub struct World {
    /// Where the resources are.
    pub namespace: Namespace,
    /// Where the objects are.
    pub vault: LocalVault,
    /// What is tested.
    pub controller: Controller,
    /// What stands between the controller and the API server, if anything does.
    pub gate: Option<Gate>,
    client: Client,
    environment: Vec<(String, String)>,
    args: Vec<String>,
}

/// How a world differs from the usual one.
#[derive(Default)]
pub struct Setup {
    /// A cluster of the test's own.
    pub cluster: Option<Arc<Cluster>>,
    /// Whether there is a gate between the controller and the API server.
    pub gate: bool,
    /// Where the vault listens.
    pub vault: Options,
}

impl World {
    /// Starts one. `objects` goes on where the seed of the vault `shop-prod` ends, indented by two; `args` go on the
    /// controller's command line.
    pub async fn start(name: &str, objects: &str, args: &[&str]) -> Self {
        Self::start_as(Setup::default(), name, objects, args).await
    }

    /// As [`Self::start`], in another way.
    pub async fn start_as(setup: Setup, name: &str, objects: &str, args: &[&str]) -> Self {
        Self::build(setup, name, &format!("{SEED}{objects}"), args).await
    }

    /// Starts one with a seed of its own; the identity `controller` is the controller's.
    pub async fn with_seed(name: &str, seed: &str, args: &[&str]) -> Self {
        Self::build(Setup::default(), name, seed, args).await
    }

    async fn build(setup: Setup, name: &str, seed: &str, args: &[&str]) -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let cluster = match setup.cluster {
            Some(own) => own,
            None => Cluster::shared().await,
        };
        let namespace = cluster.namespace(name, &[]).await;
        let gate = if setup.gate { Some(Gate::before(&cluster).await) } else { None };
        let seed = Seed::parse(seed).unwrap_or_else(|e| panic!("{e}"));
        let vault = LocalVault::start(seed, setup.vault).await.unwrap_or_else(|e| panic!("{e}"));
        let mut environment = vault.environment("controller");
        environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
        let direct = namespace.install(Component::Controller).await;
        let kubeconfig = gate.as_ref().map_or(direct.clone(), |gate| gate.kubeconfig(&direct));
        let controller = Controller::start_as(&namespace, &kubeconfig, &environment, args).await;
        let client = cluster.admin().await;
        let args = args.iter().map(|a| (*a).to_owned()).collect();
        Self { namespace, vault, controller, gate, client, environment, args }
    }

    /// Another controller of the same namespace, as at a roll-out, with a token of its own.
    pub async fn another_controller(&self) -> Controller {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let direct = self.namespace.kubeconfig(Component::Controller).await;
        let kubeconfig = self.gate.as_ref().map_or(direct.clone(), |gate| gate.kubeconfig(&direct));
        Controller::start_as(&self.namespace, &kubeconfig, &self.environment, &args).await
    }

    /// What the controller's environment says of its vault.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// The gate that the world was started with.
    pub fn gate(&self) -> &Gate {
        self.gate.as_ref().expect("this world was started with a gate")
    }

    /// Lets the lease of a killed leader be over, which otherwise takes 15 seconds.
    pub async fn end_lease(&self) {
        let gone = self.api::<Lease>().delete("akv2k8s-controller", &DeleteParams::default()).await;
        assert!(gone.is_ok() || matches!(&gone, Err(kube::Error::Api(s)) if s.code == 404), "{gone:?}");
    }

    /// A client of this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), self.namespace.name())
    }

    /// The administrator's client.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Applies manifests.
    pub async fn apply(&self, manifests: &str) {
        self.namespace.apply(manifests).await.unwrap_or_else(|e| panic!("{e}"));
    }

    /// A resource of one secret and one target: `name` is that of the resource, `output` the spec's output in one line.
    pub async fn apply_secret(&self, name: &str, object: &str, output: &str) {
        self.apply(&format!(
            "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: {name}}}\nspec:\n  vault: {{name: shop-prod, object: {{name: {object}, type: secret}}}}\n  output: {output}\n"
        ))
        .await;
    }

    /// A condition that speaks of the resource as it is now.
    pub async fn condition(&self, resource: &str, kind: &str) -> Option<Condition> {
        let found = self.api::<AzureKeyVaultSecret>().get_opt(resource).await.ok()??;
        let conditions = found.status?.conditions.unwrap_or_default();
        conditions.into_iter().find(|c| c.type_ == kind && c.observed_generation == found.metadata.generation)
    }

    /// Waits until `Ready` has this reason.
    pub async fn until(&self, resource: &str, reason: &str) -> Condition {
        let last = std::sync::Mutex::new(String::new());
        let what = format!("{resource} to be {reason}");
        let look = || async {
            let condition = self.condition(resource, "Ready").await?;
            *last.lock().unwrap_or_else(|e| e.into_inner()) = format!("{}: {}", condition.reason, condition.message);
            (condition.reason == reason).then_some(condition)
        };
        match crate::wait::try_wait_for(&what, PATIENCE, look).await {
            Ok(condition) => condition,
            Err(_) => panic!(
                "{what}; it said last: {}\n{}",
                last.lock().unwrap_or_else(|e| e.into_inner()),
                self.controller.log()
            ),
        }
    }

    /// A Secret, if there is one.
    pub async fn secret(&self, name: &str) -> Option<Secret> {
        self.api::<Secret>().get_opt(name).await.unwrap_or_else(|e| panic!("{e}"))
    }

    /// A ConfigMap, if there is one.
    pub async fn config_map(&self, name: &str) -> Option<ConfigMap> {
        self.api::<ConfigMap>().get_opt(name).await.unwrap_or_else(|e| panic!("{e}"))
    }

    /// A key of a Secret as text.
    pub async fn value(&self, secret: &str, key: &str) -> Option<String> {
        let value = self.secret(secret).await?.data?.remove(key)?;
        Some(String::from_utf8_lossy(&value.0).into_owned())
    }

    /// Waits until a key of a Secret has this value.
    pub async fn until_value(&self, secret: &str, key: &str, expected: &str) {
        wait_for(&format!("{key} of Secret {secret} to be {expected}"), PATIENCE, || async {
            (self.value(secret, key).await.as_deref() == Some(expected)).then_some(())
        })
        .await;
    }
}
