//! `akv2k8s webhook` as a process, where the node reaches it.

use crate::running::{Running, free};
use crate::{Namespace, program};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// A webhook, which may be stopped and started again at the same ports.
pub struct Webhook {
    running: Option<Running>,
    log: PathBuf,
    ports: [SocketAddr; 3],
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
        let log = home.cluster().dir().join(format!("webhook-{}.log", home.name()));
        let (home, kubeconfig) = (home.name().to_owned(), kubeconfig.to_owned());
        let mut webhook = Self { running: None, log, ports: free(address), home, kubeconfig, environment, args };
        webhook.start_again().await;
        webhook
    }

    /// Starts it after [`Self::stop`], and waits until it is ready.
    pub async fn start_again(&mut self) {
        let mut command = program::command("akv2k8s");
        command.arg("webhook").env("KUBECONFIG", &self.kubeconfig).env("POD_NAMESPACE", &self.home);
        command.args(["--http-address", &self.ports[0].ip().to_string(), "--metrics-enabled", "true"]);
        for (flag, port) in ["--http-port", "--tls-port", "--mtls-port"].iter().zip(self.ports) {
            command.args([flag, port.port().to_string().as_str()]);
        }
        command.args(&self.args).envs(self.environment.iter().map(|(name, value)| (name, value)));
        let started = Running::start("akv2k8s webhook", command, &self.log, self.ports[0], "/readyz").await;
        self.running = Some(started);
    }

    /// Asks it to end, as a Deployment that is scaled to zero does.
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.stop();
        }
    }

    /// The port of admission.
    pub fn tls(&self) -> u16 {
        self.ports[1].port()
    }

    /// The port of the auth service.
    pub fn mtls(&self) -> u16 {
        self.ports[2].port()
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> String {
        self.running.as_ref().expect("it was not stopped").metrics().await
    }
}
