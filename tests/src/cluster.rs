//! A real API server, shared by a run of tests or one's own, and clients under the product's roles.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use xtask::cluster::{Access, Component, ControlPlane, provision};
use xtask::failure::During;
use xtask::process::Life;
use xtask::setup::cluster_binary;
use xtask::{Failure, Outcome, layout};

/// A control plane with the CRDs and the accounts of an installation that serves every namespace.
pub struct Cluster {
    access: Access,
    /// None for a cluster that was there already.
    plane: Option<Mutex<ControlPlane>>,
}

/// Names a kubeconfig of a cluster to use instead of starting one. Not `KUBECONFIG`: the tests write CRDs, roles and
/// namespaces, and a shell may have that set to a cluster that people rely on.
const EXISTING: &str = "AKV2K8S_TEST_KUBECONFIG";

impl Cluster {
    /// The one that the tests of this process share. It ends with the process; its logs stay in `target/it` until the next run.
    /// With `AKV2K8S_TEST_KUBECONFIG` it is an existing one, on which nothing can be restarted or audited.
    pub async fn shared() -> Arc<Self> {
        // A failed start is remembered: every test says why at once instead of trying again.
        static SHARED: OnceLock<Outcome<Arc<Cluster>>> = OnceLock::new();
        let start = || match std::env::var_os(EXISTING) {
            Some(kubeconfig) => Self::existing(Path::new(&kubeconfig)).map(Arc::new),
            None => Self::start_for_tests("shared").map(Arc::new),
        };
        blocking(move || SHARED.get_or_init(start).clone()).await
    }

    /// One of the test's own, for what disturbs others: a restarted API server, controllers that watch every namespace.
    /// It stops when it is dropped.
    pub async fn own(name: &'static str) -> Arc<Self> {
        blocking(move || Self::start_for_tests(name).map(Arc::new)).await
    }

    fn start_for_tests(name: &str) -> Outcome<Self> {
        let runs = layout::target().join("it");
        remove_runs_of_the_dead(&runs);
        Self::start(&cluster_binary::ensure()?, &runs.join(format!("{}-{name}", std::process::id())))
    }

    /// Starts one whose files and logs lie in `dir`. It ends with this process.
    pub fn start(binary: &Path, dir: &Path) -> Outcome<Self> {
        Self::of(ControlPlane::start(binary, dir, Life::WithUs)?)
    }

    /// The control plane of a node.
    pub(crate) fn of(plane: ControlPlane) -> Outcome<Self> {
        provision::provision(plane.access())?;
        Ok(Self::bare(plane))
    }

    /// One on which nothing of the product is.
    pub(crate) fn bare(plane: ControlPlane) -> Self {
        Self { access: plane.access().clone(), plane: Some(Mutex::new(plane)) }
    }

    /// Uses one that is there already, as its administrator.
    pub fn existing(kubeconfig: &Path) -> Outcome<Self> {
        let dir = layout::target().join("it").join(format!("{}-existing", std::process::id()));
        let access = Access::to_existing(kubeconfig, &dir)?;
        provision::provision(&access)?;
        Ok(Self { access, plane: None })
    }

    /// Kills the API server, as a crash would, and starts it again at the same address.
    pub async fn restart_api_server(self: &Arc<Self>) {
        let cluster = Arc::clone(self);
        blocking(move || cluster.with_plane(ControlPlane::restart_api_server)).await
    }

    /// Kills the API server and etcd, and starts them again with the same data at the same addresses.
    pub async fn restart_all(self: &Arc<Self>) {
        let cluster = Arc::clone(self);
        blocking(move || cluster.with_plane(ControlPlane::restart_all)).await
    }

    fn with_plane<T>(&self, ask: impl FnOnce(&mut ControlPlane) -> Outcome<T>) -> Outcome<T> {
        let plane = self
            .plane
            .as_ref()
            .ok_or_else(|| Failure::new("this needs a cluster of ours: unset AKV2K8S_TEST_KUBECONFIG"))?;
        // The lock is poisoned by a restart that failed; the next one may try again.
        ask(&mut plane.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A client of the administrator, who plays the users of the product. Each belongs to the runtime that made it.
    pub async fn admin(&self) -> Client {
        client(&self.admin_kubeconfig()).await
    }

    /// A client under the role that the component is installed with.
    pub async fn client_for(&self, component: Component) -> Client {
        client(&self.kubeconfig_for(component)).await
    }

    /// The administrator's kubeconfig.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.access.kubeconfig("admin")
    }

    /// The kubeconfig of a component that serves every namespace; its own is [`xtask::cluster::roles::HOME`].
    pub fn kubeconfig_for(&self, component: Component) -> PathBuf {
        self.access.kubeconfig(component.as_str())
    }

    /// `kubectl` as the administrator.
    pub fn kubectl(&self) -> std::process::Command {
        self.access.kubectl()
    }

    /// The issuer of service-account tokens, which serves `/.well-known/openid-configuration` to everybody.
    pub fn issuer(&self) -> String {
        self.access.url.clone()
    }

    /// The authority of the issuer's certificate, as PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.access.ca_file.clone()
    }

    /// Where everything of this control plane lies: logs, keys, `etcd`.
    pub fn dir(&self) -> &Path {
        &self.access.dir
    }

    /// Where etcd keeps what the API server stores.
    pub fn etcd_dir(&self) -> PathBuf {
        self.with_plane(|plane| Ok(plane.etcd_dir())).unwrap_or_else(|failure| panic!("{failure}"))
    }

    pub(crate) fn audit_log(&self) -> PathBuf {
        self.with_plane(|plane| Ok(plane.audit_log())).unwrap_or_else(|failure| panic!("{failure}"))
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(plane) = self.plane.as_mut() else {
            return;
        };
        let plane = plane.get_mut().unwrap_or_else(PoisonError::into_inner);
        plane.stop();
        if !std::thread::panicking() {
            // The logs stay; the data is of no use without its server.
            let _removed = std::fs::remove_dir_all(plane.etcd_dir());
        }
    }
}

/// A client for a kubeconfig.
pub async fn client(kubeconfig: &Path) -> Client {
    try_client(kubeconfig).await.unwrap_or_else(|failure| panic!("{failure}"))
}

async fn try_client(kubeconfig: &Path) -> Outcome<Client> {
    // Whoever comes first installs it; it is the same for all.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let read = Kubeconfig::read_from(kubeconfig).during(kubeconfig.display())?;
    let config =
        Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.during(kubeconfig.display())?;
    Client::try_from(config).during(kubeconfig.display())
}

/// Runs what blocks away from the test's runtime.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Outcome<T> + Send + 'static) -> T {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|panic| Err(Failure::new(panic.to_string()))).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Folders are called `PID-NAME`; those of processes that are gone have been looked at or never will be.
pub(crate) fn remove_runs_of_the_dead(runs: &Path) {
    for dir in layout::folders(runs) {
        let pid =
            dir.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('-')).map(|(pid, _)| pid);
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another run may be removing it too.
            let _removed = std::fs::remove_dir_all(&dir);
        }
    }
}
