//! One `akv2k8s webhook` as a process.

use crate::program;
use crate::running::{Running, free};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// A running webhook. It is killed when it is dropped.
pub struct Replica {
    running: Running,
    tls: SocketAddr,
    mtls: SocketAddr,
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
        let [http, tls, mtls] = free(Ipv4Addr::LOCALHOST);
        let mut starting = program::command("akv2k8s");
        starting.args(command).env("KUBECONFIG", kubeconfig).env("POD_NAMESPACE", home);
        starting.args(["--http-address", "127.0.0.1", "--metrics-enabled", "true"]);
        for (flag, address) in [("--http-port", http), ("--tls-port", tls), ("--mtls-port", mtls)] {
            starting.args([flag, &address.port().to_string()]);
        }
        starting.envs(env.iter().map(|(name, value)| (name, value)));
        let log = logs.join(format!("webhook-{home}-{}.log", http.port()));
        let running = Running::start("akv2k8s webhook", starting, &log, http, "/readyz").await;
        Self { running, tls, mtls }
    }

    /// Its admission port.
    pub fn tls(&self) -> SocketAddr {
        self.tls
    }

    /// Its port for pods.
    pub fn mtls(&self) -> SocketAddr {
        self.mtls
    }
}

impl Deref for Replica {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for Replica {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}
