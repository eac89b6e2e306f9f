//! The controller as a process, under its own role.

use crate::cluster::Cluster;
use crate::namespace::Namespace;
use crate::program;
use crate::running::{Running, free};
use std::net::Ipv4Addr;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use xtask::cluster::Component;
use xtask::cluster::roles::HOME;

/// A running controller. It is killed when it is dropped.
pub struct Controller(Running);

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
        let [http] = free(Ipv4Addr::LOCALHOST);
        let mut command = program::command("akv2k8s");
        command.arg("controller").env("KUBECONFIG", kubeconfig).env("RUNTIME_NAMESPACE", home);
        command.args(["--http-address", "127.0.0.1", "--metrics-enabled", "true"]);
        command.args(["--http-port", &http.port().to_string()]);
        command.args(args).envs(env.iter().map(|(name, value)| (name, value)));
        let log = cluster.dir().join(format!("controller-{home}-{}.log", http.port()));
        Self(Running::start("akv2k8s controller", command, &log, http, "/livez").await)
    }
}

impl Deref for Controller {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.0
    }
}

impl DerefMut for Controller {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.0
    }
}
