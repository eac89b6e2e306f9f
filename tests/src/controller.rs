//! The controller as a process, under its own role.

use crate::cluster::Cluster;
use crate::namespace::Namespace;
use crate::program;
use crate::wait::wait_for;
use rustix::process::Signal;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use xtask::cluster::Component;
use xtask::cluster::roles::HOME;
use xtask::process::{Life, Server};

/// A start compiles nothing; a busy machine is slow to read the program.
const START: Duration = Duration::from_secs(30);
/// The controller ends its work and gives its lease back.
const STOP: Duration = Duration::from_secs(20);

/// A running controller. It is killed when it is dropped.
pub struct Controller {
    server: Server,
    address: String,
    stopped: bool,
}

impl Controller {
    /// Starts one that watches `namespace` alone. `env` is what a local vault asks for; `args` go on the command line.
    pub async fn start(namespace: &Namespace, env: &[(String, String)], args: &[&str]) -> Self {
        let kubeconfig = namespace.install(Component::Controller).await;
        Self::start_as(namespace, &kubeconfig, env, args).await
    }

    /// As [`Self::start`], where the component is installed already and `kubeconfig` is that of its account.
    pub async fn start_as(namespace: &Namespace, kubeconfig: &Path, env: &[(String, String)], args: &[&str]) -> Self {
        let mut all = vec!["--watch-all-namespaces=false"];
        all.extend(args);
        Self::start_with(namespace.cluster(), kubeconfig, namespace.name(), env, &all).await
    }

    /// Starts one that watches every namespace; several of these disturb each other, so it is for a cluster of one's own.
    pub async fn start_everywhere(cluster: &Arc<Cluster>, env: &[(String, String)], args: &[&str]) -> Self {
        Self::start_with(cluster, &cluster.kubeconfig_for(Component::Controller), HOME, env, args).await
    }

    /// The same from a namespace of one's own.
    pub async fn start_everywhere_from(namespace: &Namespace, env: &[(String, String)], args: &[&str]) -> Self {
        let kubeconfig = namespace.install_everywhere(Component::Controller).await;
        Self::start_with(namespace.cluster(), &kubeconfig, namespace.name(), env, args).await
    }

    async fn start_with(
        cluster: &Cluster,
        kubeconfig: &Path,
        home: &str,
        env: &[(String, String)],
        args: &[&str],
    ) -> Self {
        let port = free_port();
        let mut command = program::command("akv2k8s");
        command.arg("controller").env("KUBECONFIG", kubeconfig).env("RUNTIME_NAMESPACE", home);
        command.args(["--http-address", "127.0.0.1", "--http-port", &port.to_string(), "--metrics-enabled", "true"]);
        command.args(args).envs(env.iter().map(|(name, value)| (name, value)));
        let log = cluster.dir().join(format!("controller-{home}-{port}.log"));
        let server = Server::start("akv2k8s controller", command, &log, Life::WithUs);
        let server = server.unwrap_or_else(|failure| panic!("{failure}"));
        let mut controller = Self { server, address: format!("http://127.0.0.1:{port}"), stopped: false };
        controller.wait_until("/livez").await;
        controller
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) {
        self.wait_until("/readyz").await;
    }

    async fn wait_until(&mut self, path: &str) {
        let url = format!("{}{path}", self.address);
        wait_for(&format!("{path} of the controller; its log is {}", self.log_file().display()), START, || {
            let alive = self.server.check_alive();
            let url = url.clone();
            async move {
                alive.unwrap_or_else(|failure| panic!("{failure}"));
                let answer = reqwest::get(&url).await.ok()?;
                answer.status().is_success().then_some(())
            }
        })
        .await;
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.address);
        let answer = reqwest::get(&url).await.and_then(reqwest::Response::error_for_status);
        let answer = answer.unwrap_or_else(|error| panic!("{url}: {error}"));
        answer.text().await.unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// The sum of the samples of a metric whose labels contain every one of `labels`, each as `name="value"`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        sample_sum(&self.metrics().await, name, labels)
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.server.log()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Where its log lies.
    pub fn log_file(&self) -> PathBuf {
        self.server.log().to_owned()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Where its endpoints are, as `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Fails with the end of its log if it has ended by itself.
    pub fn check_alive(&mut self) {
        self.server.check_alive().unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// Stops it where it stands, as on a node that hangs.
    pub fn freeze(&self) {
        self.server.signal(Signal::STOP);
    }

    /// Lets it go on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.server.signal(Signal::CONT);
    }

    /// Kills it, as a node that loses power would.
    pub fn kill(&mut self) {
        self.stopped = true;
        self.server.kill();
    }

    /// Asks it to end, as a kubelet does; returns whether it did so in time.
    pub fn stop(&mut self) -> bool {
        self.stopped = true;
        self.server.stop(STOP)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        if !self.stopped {
            self.server.kill();
        }
    }
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address").port()
}

pub(crate) fn sample_sum(text: &str, name: &str, labels: &[&str]) -> f64 {
    let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (metric, of) = series.split_once('{').unwrap_or((series, ""));
        (metric == name && labels.iter().all(|label| of.contains(label))).then(|| value.parse::<f64>().ok())?
    });
    samples.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_over_the_labels_that_are_not_asked_for() {
        let text = "# TYPE syncs counter\nsyncs_total{kind=\"Secret\",ok=\"true\"} 3\nsyncs_total{kind=\"ConfigMap\",ok=\"true\"} 2\nup 1\n";
        let check = |name, labels: &[&str], expected: f64| {
            assert!((sample_sum(text, name, labels) - expected).abs() < 1e-9, "{name} {labels:?}")
        };
        check("syncs_total", &[], 5.0);
        check("syncs_total", &["kind=\"Secret\""], 3.0);
        check("up", &[], 1.0);
        check("syncs", &[], 0.0);
    }
}
