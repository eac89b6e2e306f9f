//! One `akv2k8s webhook` as a process.

use crate::controller::{free_port, sample_sum};
use crate::program;
use crate::wait::wait_for;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use xtask::process::{Life, Server};

/// A start compiles nothing; a busy machine is slow to read the program.
const START: Duration = Duration::from_secs(60);
/// Open requests may end, and the process with them.
const STOP: Duration = Duration::from_secs(30);

/// A running webhook. It is killed when it is dropped.
pub struct Replica {
    server: Server,
    http: SocketAddr,
    tls: SocketAddr,
    mtls: SocketAddr,
    stopped: bool,
}

impl Replica {
    /// Starts one under the role of `kubeconfig` in the namespace `home`. `command` is the subcommand with what belongs to it.
    pub async fn start(
        kubeconfig: &Path,
        home: &str,
        logs: &Path,
        env: &[(String, String)],
        command: &[String],
    ) -> Self {
        let [http, tls, mtls] = [0; 3].map(|_| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let mut starting = program::command("akv2k8s");
        starting.args(command).env("KUBECONFIG", kubeconfig).env("POD_NAMESPACE", home);
        starting.args(["--http-address", "127.0.0.1", "--metrics-enabled", "true"]);
        for (flag, address) in [("--http-port", http), ("--tls-port", tls), ("--mtls-port", mtls)] {
            starting.args([flag, &address.port().to_string()]);
        }
        starting.envs(env.iter().map(|(name, value)| (name, value)));
        let log = logs.join(format!("webhook-{home}-{}.log", http.port()));
        let server = Server::start("akv2k8s webhook", starting, &log, Life::WithUs);
        let server = server.unwrap_or_else(|failure| panic!("{failure}"));
        let mut replica = Self { server, http, tls, mtls, stopped: false };
        replica.until("/readyz").await;
        replica
    }

    async fn until(&mut self, path: &str) {
        let url = format!("http://{}{path}", self.http);
        wait_for(&format!("{path} of the webhook; its log is {}", self.server.log().display()), START, || {
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

    /// The process.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Its plain port.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Its admission port.
    pub fn tls(&self) -> SocketAddr {
        self.tls
    }

    /// Its port for pods.
    pub fn mtls(&self) -> SocketAddr {
        self.mtls
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.server.log()).unwrap_or_default()).into_owned()
    }

    /// The sum of the samples of a metric whose labels contain every one of `labels`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let url = format!("http://{}/metrics", self.http);
        let answer = reqwest::get(&url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        sample_sum(&answer.text().await.unwrap_or_default(), name, labels)
    }

    /// Fails with the end of its log if it has ended by itself.
    pub fn check_alive(&mut self) {
        self.server.check_alive().unwrap_or_else(|failure| panic!("{failure}"));
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

impl Drop for Replica {
    fn drop(&mut self) {
        if !self.stopped {
            self.server.kill();
        }
    }
}
