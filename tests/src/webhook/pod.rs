//! Pods on an API server without nodes: they are real, and stay Pending until the test says what a kubelet would.

use super::client::Asker;
use akv_wire::name::audience;
use akv_wire::{Arguments, PodIdentity};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The API server gives no shorter ones.
const TOKEN_SECONDS: i64 = 600;

/// A pod `name` whose container `app` has a variable with this value.
pub fn with_reference(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{
            "name": "app", "image": "shop:1", "command": ["/app"], "args": ["serve"],
            "env": [{"name": "DB", "value": value}],
        }]},
    })
}

/// The same as a type.
pub fn typed(pod: Value) -> core::Pod {
    serde_json::from_value(pod).unwrap_or_else(|error| panic!("it is no pod: {error}"))
}

/// A pod that was admitted.
#[derive(Clone)]
pub struct TestPod {
    client: Client,
    /// As it was admitted.
    pub admitted: core::Pod,
}

impl TestPod {
    /// Takes what the API server answered.
    pub fn new(client: Client, admitted: core::Pod) -> Self {
        Self { client, admitted }
    }

    /// Its namespace.
    pub fn namespace(&self) -> String {
        self.admitted.namespace().unwrap_or_default()
    }

    fn api(&self) -> Api<core::Pod> {
        Api::namespaced(self.client.clone(), &self.namespace())
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        serde_json::to_value(&self.admitted).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A container, of either list.
    pub fn container(&self, name: &str) -> Value {
        let spec = &self.json()["spec"];
        let lists = ["initContainers", "containers"].into_iter();
        let mut all = lists.flat_map(|list| spec[list].as_array().cloned().unwrap_or_default());
        all.find(|c| c["name"] == name).unwrap_or_else(|| panic!("the pod has no container {name}"))
    }

    /// What the executable in a container would be told.
    pub fn arguments(&self, container: &str) -> (Arguments, Vec<String>) {
        let args: Vec<String> =
            serde_json::from_value(self.container(container)["args"].clone()).expect("args are texts");
        let (arguments, command) = Arguments::parse(&args).unwrap_or_else(|error| panic!("{error}: {args:?}"));
        (arguments, command.to_vec())
    }

    /// Who a container is.
    pub fn identity(&self, container: &str) -> PodIdentity {
        PodIdentity {
            namespace: self.namespace(),
            pod: self.admitted.name_any(),
            uid: self.admitted.uid().unwrap_or_default(),
            container: container.to_owned(),
        }
    }

    /// What the kubelet would project into a container.
    pub async fn token(&self, container: &str) -> String {
        self.token_of("default", &[&audience(container)], true).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Another token, of another account, for other audiences, or bound to nothing.
    pub async fn token_of(&self, account: &str, audiences: &[&str], bound: bool) -> Result<String, kube::Error> {
        let api = Api::<core::ServiceAccount>::namespaced(self.client.clone(), &self.namespace());
        let reference = BoundObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(self.admitted.name_any()),
            uid: self.admitted.uid(),
        };
        let spec = TokenRequestSpec {
            audiences: audiences.iter().map(|a| (*a).to_owned()).collect(),
            expiration_seconds: Some(TOKEN_SECONDS),
            bound_object_ref: bound.then_some(reference),
        };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = api.create_token_request(account, &PostParams::default(), &request).await?;
        Ok(answer.status.map(|status| status.token).unwrap_or_default())
    }

    /// A client of the auth service at `service`, with a certificate for a container that it asked for itself.
    pub async fn enrolled(&self, service: SocketAddr, container: &str) -> Asker {
        let asker = Asker::new(service, &self.arguments(container).0.root);
        asker.enrolled(container, &self.token(container).await).await
    }

    /// Says what a kubelet would of containers, each with its state, as `{"running": {"startedAt": …}}`.
    pub async fn report(&self, list: &str, states: &[(&str, Value)]) {
        let statuses: Vec<Value> = states
            .iter()
            .map(|(name, state)| {
                json!({"name": name, "state": state, "image": "x", "imageID": "x", "ready": false, "restartCount": 0})
            })
            .collect();
        let status = json!({"status": {"phase": "Running", list: statuses}});
        let patched =
            self.api().patch_status(&self.admitted.name_any(), &PatchParams::default(), &Patch::Merge(&status)).await;
        patched.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Says that a container has run for so many seconds.
    pub async fn runs_since(&self, container: &str, seconds: i64) {
        let started = Timestamp::from_second(Timestamp::now().as_second() - seconds).expect("a time");
        self.report("containerStatuses", &[(container, json!({"running": {"startedAt": started.to_string()}}))]).await;
    }

    /// Deletes it at once.
    pub async fn delete(&self) {
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        self.api().delete(&self.admitted.name_any(), &now).await.unwrap_or_else(|error| panic!("{error}"));
    }
}
