//! A namespace per test, with an installation of its own if the test wants one.

use crate::cluster::{Cluster, blocking, client};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1 as core;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use xtask::cluster::Component;
use xtask::cluster::roles::Reach;
use xtask::failure::During;
use xtask::{Failure, Outcome};

/// How long the tokens of a test live; the API server gives none for less than ten minutes.
const TOKEN_SECONDS: i64 = 3600 * 12;

/// A namespace of one test. It is deleted when it is dropped, unless the test failed.
pub struct Namespace {
    name: String,
    uid: String,
    cluster: Arc<Cluster>,
}

impl Cluster {
    /// A fresh namespace, whose name begins with `prefix`.
    pub async fn namespace(self: &Arc<Self>, prefix: &str, labels: &[(&str, &str)]) -> Namespace {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let name = format!("{prefix}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let metadata = ObjectMeta { name: Some(name.clone()), labels: Some(labels), ..ObjectMeta::default() };
        let namespace = core::Namespace { metadata, ..core::Namespace::default() };
        let api = Api::<core::Namespace>::all(self.admin().await);
        let made = api.create(&PostParams::default(), &namespace).await;
        let made = made.unwrap_or_else(|error| panic!("namespace {name} could not be made: {error}"));
        Namespace { name, uid: made.metadata.uid.unwrap_or_default(), cluster: Arc::clone(self) }
    }
}

impl Namespace {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// What a user does with `kubectl apply` here, as the administrator; the failure is what the API server says.
    pub async fn apply(&self, manifests: &str) -> Outcome<()> {
        let mut kubectl = self.cluster.kubectl();
        kubectl.args(["apply", "-n", &self.name, "-f", "-"]);
        let manifests = manifests.to_owned();
        let applied = tokio::task::spawn_blocking(move || {
            let mut child = kubectl
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .during("kubectl")?;
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(manifests.as_bytes()).during("kubectl")?;
            }
            let output = child.wait_with_output().during("kubectl")?;
            if output.status.success() {
                Ok(())
            } else {
                Err(Failure::new(String::from_utf8_lossy(&output.stderr).trim()))
            }
        });
        applied.await.during("kubectl")?
    }

    /// Installs a component for this namespace alone, as the chart does with `watchAllNamespaces=false`: its account and
    /// roles. Returns a kubeconfig for it. Doing it twice is the same as doing it once.
    pub async fn install(&self, component: Component) -> PathBuf {
        self.install_for(component, Reach::OwnNamespace).await
    }

    async fn install_for(&self, component: Component, reach: Reach) -> PathBuf {
        let objects = component.objects(&self.name, reach).unwrap_or_else(|failure| panic!("{failure}"));
        let admin = self.cluster.admin().await;
        for object in objects {
            self.put(&admin, object)
                .await
                .unwrap_or_else(|error| panic!("{} in {}: {error}", component.as_str(), self.name));
        }
        self.kubeconfig(component).await
    }

    /// A kubeconfig for a component that is installed already, with a token of its own.
    pub async fn kubeconfig(&self, component: Component) -> PathBuf {
        let token = self.token(&component.account(), &[]).await;
        let written = self.cluster.access().write_kubeconfig(&format!("{}-{}", component.as_str(), self.name), &token);
        written.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Installs a component that serves every namespace from this one. Returns a kubeconfig for it.
    pub async fn install_everywhere(&self, component: Component) -> PathBuf {
        self.install_for(component, Reach::Everywhere).await
    }

    /// Makes something that is in no namespace; it ends with this one.
    pub async fn put_cluster_wide(&self, object: Value) {
        let admin = self.cluster.admin().await;
        self.put(&admin, object).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// A client under the role of a component that is installed for this namespace alone.
    pub async fn client_for(&self, component: Component) -> Client {
        client(&self.install(component).await).await
    }

    /// A token of a service account here; without audiences, one for the API server.
    pub async fn token(&self, account: &str, audiences: &[&str]) -> String {
        let api = Api::<core::ServiceAccount>::namespaced(self.cluster.admin().await, &self.name);
        let audiences = audiences.iter().map(|a| (*a).to_owned()).collect();
        let spec =
            TokenRequestSpec { audiences, expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = api.create_token_request(account, &PostParams::default(), &request).await;
        let answer = answer.unwrap_or_else(|error| panic!("no token for {account} in {}: {error}", self.name));
        answer.status.unwrap_or_else(|| panic!("the API server gave no token for {account}")).token
    }

    async fn put(&self, admin: &Client, mut object: Value) -> kube::Result<()> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        let api: Api<DynamicObject> = if text("/metadata/namespace").is_empty() {
            // The end of the namespace is the end of what was made for it elsewhere.
            object["metadata"]["ownerReferences"] =
                serde_json::json!([{"apiVersion": "v1", "kind": "Namespace", "name": self.name, "uid": self.uid}]);
            Api::all_with(admin.clone(), &resource)
        } else {
            Api::namespaced_with(admin.clone(), &self.name, &resource)
        };
        api.patch(&name, &PatchParams::apply("akv2k8s-tests").force(), &Patch::Apply(&object)).await.map(drop)
    }

    /// Deletes it and everything in it, and waits until it is gone.
    pub async fn delete(self) {
        let (mut kubectl, name) = (self.cluster.kubectl(), self.name.clone());
        blocking(move || xtask::process::read(kubectl.args(["delete", "namespace", &name, "--timeout=60s"]))).await;
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let mut kubectl = self.cluster.kubectl();
            kubectl.args(["delete", "namespace", &self.name, "--wait=false", "--ignore-not-found"]);
            // Nobody waits for it, and what is left ends with the cluster.
            let _started = kubectl.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        }
    }
}
