//! `akv2k8s webhook` as a process, where the node reaches it.

use crate::{Namespace, program, wait_for};
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use xtask::process::{Life, Server};

/// A busy machine is slow to read the program.
const START: Duration = Duration::from_secs(60);
/// Open requests may end.
const STOP: Duration = Duration::from_secs(20);

/// A webhook, which may be stopped and started again at the same ports.
pub struct Webhook {
    server: Option<Server>,
    log: PathBuf,
    address: IpAddr,
    ports: [u16; 3],
    home: String,
    kubeconfig: PathBuf,
    environment: Vec<(String, String)>,
    args: Vec<String>,
}

impl Webhook {
    /// Starts one whose ports are at `address`.
    pub async fn start(
        address: IpAddr,
        home: &Namespace,
        kubeconfig: &Path,
        environment: Vec<(String, String)>,
        args: Vec<String>,
    ) -> Self {
        // All are held until each has one.
        let held = [0; 3].map(|_| TcpListener::bind((address, 0)).unwrap_or_else(|e| panic!("{address}: {e}")));
        let ports = held.map(|port| port.local_addr().map(|at| at.port()).unwrap_or_default());
        let log = home.cluster().dir().join(format!("webhook-{}.log", home.name()));
        let (home, kubeconfig) = (home.name().to_owned(), kubeconfig.to_owned());
        let mut webhook = Self { server: None, log, address, ports, home, kubeconfig, environment, args };
        webhook.start_again().await;
        webhook
    }

    /// Starts it after [`Self::stop`], and waits until it is ready.
    pub async fn start_again(&mut self) {
        let mut command = program::command("akv2k8s");
        command.arg("webhook").env("KUBECONFIG", &self.kubeconfig).env("POD_NAMESPACE", &self.home);
        command.args(["--http-address", &self.address.to_string(), "--metrics-enabled", "true"]);
        for (flag, port) in ["--http-port", "--tls-port", "--mtls-port"].iter().zip(self.ports) {
            command.args([flag, port.to_string().as_str()]);
        }
        command.args(&self.args).envs(self.environment.iter().map(|(name, value)| (name, value)));
        let server = Server::start("akv2k8s webhook", command, &self.log, Life::WithUs);
        let server = self.server.insert(server.unwrap_or_else(|failure| panic!("{failure}")));
        let url = format!("http://{}:{}/readyz", self.address, self.ports[0]);
        wait_for(&format!("the webhook to be ready; its log is {}", self.log.display()), START, || {
            let alive = server.check_alive();
            let url = url.clone();
            async move {
                alive.unwrap_or_else(|failure| panic!("{failure}"));
                reqwest::get(&url).await.ok()?.status().is_success().then_some(())
            }
        })
        .await;
    }

    /// Asks it to end, as a Deployment that is scaled to zero does.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.stop(STOP);
        }
    }

    /// The port of admission.
    pub fn tls(&self) -> u16 {
        self.ports[1]
    }

    /// The port of the auth service.
    pub fn mtls(&self) -> u16 {
        self.ports[2]
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> String {
        let url = format!("http://{}:{}/metrics", self.address, self.ports[0]);
        let answer = reqwest::get(&url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        answer.text().await.unwrap_or_default()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            server.kill();
        }
    }
}
