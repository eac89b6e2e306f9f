//! A pod of a test: made, watched, asked.

use super::{Node, PATIENCE, image};
use crate::cluster::{Cluster, blocking};
use crate::namespace::Namespace;
use crate::wait::try_wait_for;
use k8s_openapi::api::core::v1::{self as core, ContainerState, ContainerStatus};
use kube::Api;
use kube::api::{DeleteParams, LogParams, PostParams};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::RwLock;
use xtask::failure::During;
use xtask::{Failure, Outcome};

/// Held by everybody who asks the kubelet, and by whoever restarts it alone.
pub(super) static KUBELET: RwLock<()> = RwLock::const_new(());

/// The manifest of a pod `name` with one container `main`, which is as `container` says where it says something and else the
/// probe. Change the JSON for everything else.
pub fn of(name: &str, container: Value) -> Value {
    let mut main = json!({"name": "main", "image": image::PROBE, "imagePullPolicy": "Never"});
    if let (Some(main), Value::Object(given)) = (main.as_object_mut(), container) {
        main.extend(given);
    }
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        // A test sees the end of its pod; the probe ends when it is told to.
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": [main]},
    })
}

/// The same with the probe and what it is to do, such as `["report", "then", "sleep"]`.
pub fn probe(name: &str, args: &[&str]) -> Value {
    of(name, json!({"args": args}))
}

/// A pod that the API server took.
pub struct Pod {
    name: String,
    namespace: String,
    api: Api<core::Pod>,
    cluster: Arc<Cluster>,
}

/// What a program in a container did.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it printed as errors, and after it the words of `kubectl`.
    pub stderr: String,
}

impl Node {
    /// Makes a pod.
    pub async fn create(&self, namespace: &Namespace, pod: Value) -> Pod {
        self.try_create(namespace, pod).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Makes a pod, or says why the API server, or a webhook of it, does not want it.
    pub async fn try_create(&self, namespace: &Namespace, pod: Value) -> Outcome<Pod> {
        let pod: core::Pod = serde_json::from_value(pod).during("the manifest of a pod")?;
        let cluster = Arc::clone(namespace.cluster());
        let api = Api::<core::Pod>::namespaced(cluster.admin().await, namespace.name());
        let made = api.create(&PostParams::default(), &pod).await;
        let made = made.map_err(|error| match error {
            kube::Error::Api(status) => Failure::new(status.message),
            other => Failure::new(other.to_string()),
        })?;
        let name = made.metadata.name.unwrap_or_default();
        Ok(Pod { name, namespace: namespace.name().to_owned(), api, cluster })
    }

    /// A pod that something else has made.
    pub async fn find(&self, namespace: &Namespace, name: &str) -> Pod {
        let cluster = Arc::clone(namespace.cluster());
        let api = Api::namespaced(cluster.admin().await, namespace.name());
        Pod { name: name.to_owned(), namespace: namespace.name().to_owned(), api, cluster }
    }
}

impl Pod {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it is now.
    pub async fn get(&self) -> core::Pod {
        self.api.get(&self.name).await.unwrap_or_else(|error| panic!("pod {}: {error}", self.name))
    }

    /// Waits until every container runs.
    pub async fn running(&self) {
        self.until("its containers to run", |pod| {
            let statuses = statuses(pod);
            !statuses.is_empty() && statuses.iter().all(|status| state(status).running.is_some())
        })
        .await;
    }

    /// Waits until a container, or an init container, has ended; its exit code.
    pub async fn ended(&self, container: &str) -> i32 {
        let ended = |pod: &core::Pod| {
            let mut all = statuses(pod).into_iter().chain(init_statuses(pod));
            let found = all.find(|status| status.name == container)?;
            state(&found).terminated.map(|end| end.exit_code)
        };
        let pod = self.until(&format!("{container} to end"), |pod| ended(pod).is_some()).await;
        ended(&pod).unwrap_or_default()
    }

    /// Ends the first process of a container by the probe, which lies at `probe` there, and waits until it runs again.
    pub async fn restart(&self, container: &str, probe: &str) {
        let before = self.status(container).await.map_or(0, |status| status.restart_count);
        // The first process has no handler but those that it asked for; this one makes it end with 0.
        let asked = self.exec(container, &[probe, "end", "1"]).await;
        assert!(matches!(asked.code, 0 | 137), "{asked:?}");
        self.runs_again(container, before).await;
    }

    /// Waits until a container that was started `before` times again runs once more. One that starts again while another test
    /// restarts the kubelet may take two.
    pub async fn runs_again(&self, container: &str, before: i32) {
        self.until(&format!("{container} to run again"), |pod| {
            let of = |status: &&core::ContainerStatus| status.name == container && status.restart_count > before;
            statuses(pod).iter().filter(of).any(|status| state(status).running.is_some())
        })
        .await;
    }

    /// Waits until the pod is as wanted. If that never is, panics with what kubelet and the containers said.
    pub async fn until(&self, what: &str, wanted: impl Fn(&core::Pod) -> bool) -> core::Pod {
        let last = Mutex::new(None);
        let what = format!("pod {}: {what}", self.name);
        let waited = try_wait_for(&what, PATIENCE, || async {
            let pod = self.api.get(&self.name).await.ok()?;
            let there = wanted(&pod);
            *last.lock().unwrap_or_else(PoisonError::into_inner) = pod.status.clone();
            there.then_some(pod)
        });
        match waited.await {
            Ok(pod) => pod,
            Err(failure) => {
                let status = last.lock().unwrap_or_else(PoisonError::into_inner).take();
                let status = serde_json::to_string(&status).unwrap_or_default();
                panic!("{failure}\nstatus: {status}\nevents:\n{}", self.events().await);
            }
        }
    }

    async fn events(&self) -> String {
        let mut kubectl = self.cluster.kubectl();
        kubectl.args(["events", "-n", &self.namespace, "--for", &format!("pod/{}", self.name)]);
        blocking(move || xtask::process::read(&mut kubectl)).await
    }

    /// Its address, which the test reaches too.
    pub async fn address(&self) -> IpAddr {
        let address = |pod: &core::Pod| pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok();
        let pod = self.until("an address", |pod| address(pod).is_some()).await;
        address(&pod).unwrap_or_else(|| panic!("pod {} has lost its address", self.name))
    }

    /// What a container has printed until now, both streams together.
    pub async fn logs(&self, container: &str) -> String {
        let params = LogParams { container: Some(container.to_owned()), ..LogParams::default() };
        let _there = KUBELET.read().await;
        let read = self.api.logs(&self.name, &params).await;
        read.unwrap_or_else(|error| panic!("logs of {container} in pod {}: {error}", self.name))
    }

    /// The first thing that a probe has printed in a container, once it has.
    pub async fn report(&self, container: &str) -> Value {
        let params = LogParams { container: Some(container.to_owned()), ..LogParams::default() };
        let what = format!("a report of {container} in pod {}", self.name);
        let waited = try_wait_for(&what, PATIENCE, || async {
            // Until the container has started there are no logs.
            let text = self.api.logs(&self.name, &params).await.ok()?;
            text.lines().find_map(|line| serde_json::from_str::<Value>(line).ok().filter(Value::is_object))
        });
        match waited.await {
            Ok(report) => report,
            Err(failure) => panic!("{failure}\nevents:\n{}", self.events().await),
        }
    }

    /// The first `count` lines of JSON that a probe has printed in a container, once there are as many.
    pub async fn lines(&self, container: &str, count: usize) -> Outcome<Vec<Value>> {
        let params = LogParams { container: Some(container.to_owned()), ..LogParams::default() };
        let what = format!("{count} lines of {container} in pod {}", self.name);
        let look = || async {
            let text = self.api.logs(&self.name, &params).await.ok()?;
            let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object);
            Some(lines.collect::<Vec<Value>>()).filter(|lines| lines.len() >= count)
        };
        match try_wait_for(&what, PATIENCE, look).await {
            Ok(lines) => Ok(lines),
            Err(failure) => {
                let said = self.api.logs(&self.name, &params).await.unwrap_or_default();
                Err(Failure::new(format!("{failure}; it said: {said}\n{}", self.events().await)))
            }
        }
    }

    /// The state of a container, or of an init container.
    pub async fn status(&self, container: &str) -> Option<ContainerStatus> {
        let pod = self.get().await;
        statuses(&pod).into_iter().chain(init_statuses(&pod)).find(|status| status.name == container)
    }

    /// What a container that has ended said at its end, where the kubelet shows it.
    pub async fn last_words(&self, container: &str) -> String {
        let words = |pod: &core::Pod| {
            let status = statuses(pod).into_iter().find(|status| status.name == container)?;
            let ends = [status.state, status.last_state].into_iter().flatten();
            ends.filter_map(|state| state.terminated?.message).find(|message| !message.is_empty())
        };
        let pod = self.until(&format!("last words of {container}"), |pod| words(pod).is_some()).await;
        words(&pod).unwrap_or_default()
    }

    /// The report of a probe in whose environment `name` is `value`, which may be that of a later start.
    pub async fn report_with(&self, container: &str, name: &str, value: &str) -> Value {
        let params = LogParams { container: Some(container.to_owned()), ..LogParams::default() };
        let what = format!("{container} in pod {} to start with {name}", self.name);
        let waited = try_wait_for(&what, PATIENCE * 3, || async {
            let text = self.api.logs(&self.name, &params).await.ok()?;
            let reports = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            reports.into_iter().find(|report| report["env"][name] == value)
        });
        match waited.await {
            Ok(report) => report,
            Err(failure) => panic!("{failure}\nevents:\n{}", self.events().await),
        }
    }

    /// Runs a program in a container, as `kubectl exec` does.
    pub async fn exec(&self, container: &str, command: &[&str]) -> Ran {
        let _there = KUBELET.read().await;
        self.exec_at_once(container, command).await
    }

    /// As [`Self::exec`], for whoever holds [`KUBELET`].
    pub(super) async fn exec_at_once(&self, container: &str, command: &[&str]) -> Ran {
        let mut kubectl = self.cluster.kubectl();
        kubectl.args(["exec", "-n", &self.namespace, &self.name, "-c", container, "--"]).args(command);
        kubectl.stdin(Stdio::null());
        let output = blocking(move || kubectl.output().during("kubectl could not be started")).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Asks for its end, as `kubectl delete` does; returns at once.
    pub async fn delete(&self) {
        let asked = self.api.delete(&self.name, &DeleteParams::default()).await;
        asked.unwrap_or_else(|error| panic!("pod {} could not be deleted: {error}", self.name));
    }
}

fn statuses(pod: &core::Pod) -> Vec<ContainerStatus> {
    pod.status.as_ref().and_then(|status| status.container_statuses.clone()).unwrap_or_default()
}

fn init_statuses(pod: &core::Pod) -> Vec<ContainerStatus> {
    pod.status.as_ref().and_then(|status| status.init_container_statuses.clone()).unwrap_or_default()
}

fn state(status: &ContainerStatus) -> ContainerState {
    status.state.clone().unwrap_or_default()
}
