//! Pods that really run: a node with network and DNS, shared by the tests of the binary `e2e`.
//!
//! ```no_run
//! # async fn example() {
//! use akv_tests::node::{Node, image, pod};
//! use serde_json::json;
//!
//! // Started once for all tests of this process; it ends with the process, whatever ends that.
//! let node = Node::shared().await;
//! // What the other harnesses give: clients, kubectl, kubeconfigs, tokens, the audit log.
//! let cluster = node.cluster();
//! // A namespace whose account `default` is there already. Deleted when dropped, kept when the test fails.
//! let shop = node.namespace("shop", &[]).await;
//!
//! // An image of one's own, `FROM scratch`; `imagePullPolicy: Never` finds it.
//! let mine = image::probe().user("65532").entrypoint(["/probe"]).cmd(["report", "then", "sleep"]);
//! node.import(&mine, "localhost/mine:1").await;
//!
//! // Any pod, as JSON. `create` panics if the API server refuses it, `try_create` returns what it said.
//! let made = node.create(&shop, pod::of("mine", json!({"image": "localhost/mine:1"}))).await;
//! made.running().await; // all containers run
//! made.logs("main").await;
//! made.report("main").await; // the probe's report as JSON: argv, env, uid, cwd, umask, limits …
//! let ran = made.exec("main", &["/probe", "read", "/etc/resolv.conf"]).await; // code, stdout, stderr
//! assert_eq!(ran.code, 0);
//! made.ended("main").await; // waits for the container to end: its exit code
//! made.until("its condition", |pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some())).await;
//!
//! // A server of the test, listening at `node.host()`, as the Service `vault` of the namespace.
//! node.service_on_host(&shop, "vault", 443, 8443).await;
//! # }
//! ```
//!
//! The probe (`/probe` in [`image::PROBE`], which is on the node already) does what its command line says, and more after the
//! word `then`: `report`, `read FILE…`, `look-up NAME`, `get URL [--ca FILE] [--token FILE] [--cert FILE]`, `listen PORT`, `has NAME VALUE`, `write FILE`, `end PID`,
//! `exit CODE`, `sleep` (until SIGTERM; also without a word). `tests/probe` has the details.
//!
//! Addresses: [`Node::host`] is this machine as the node and its pods see it (bind servers there; use it in webhooks' URLs);
//! pods' addresses ([`Pod::address`](pod::Pod::address)) are reached from the test as they are. There is no way from pods to any
//! other network. The API server's address and the issuer of tokens is `https://198.18.0.1:6443`, from everywhere.
//! Logs of a run lie below `target/e2e/PID-node-N`: one per part, and the containers' in `var/log/pods`.

pub mod image;
pub mod pod;
pub mod registry;
mod service;

pub use pod::Pod;
pub use registry::DockerRegistry;

use crate::cluster::{Cluster, blocking};
use crate::namespace::Namespace;
use crate::wait::wait_for;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use xtask::cluster::ControlPlane;
use xtask::cluster::node::network;
use xtask::image::Image;
use xtask::process::Life;
use xtask::setup::{self, cluster_binary};
use xtask::{Outcome, layout};

/// A start of a pod takes a few seconds; a machine that does other things is far slower.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A node with its control plane; on one that is shared are the product's CRDs and accounts.
pub struct Node {
    cluster: Arc<Cluster>,
    node: Arc<xtask::cluster::Node>,
    env: tokio::sync::OnceCell<()>,
}

impl Node {
    /// The one that the tests of this process share. Other processes of this machine wait until it has ended.
    pub async fn shared() -> Arc<Self> {
        // A failed start is remembered: every test says why at once instead of trying again.
        static SHARED: OnceLock<Outcome<Arc<Node>>> = OnceLock::new();
        blocking(|| SHARED.get_or_init(|| Self::start(Cluster::of).map(Arc::new)).clone()).await
    }

    /// One on which nothing of the product is, not even its CRDs: for those who install it. It ends when it is dropped.
    pub async fn bare() -> Arc<Self> {
        blocking(|| Self::start(|plane| Ok(Cluster::bare(plane))).map(Arc::new)).await
    }

    fn start(furnish: impl FnOnce(ControlPlane) -> Outcome<Cluster>) -> Outcome<Self> {
        setup::node::ensure()?;
        let binary = cluster_binary::ensure()?;
        let runs = layout::target().join("e2e");
        let probe = image::probe_program()?;
        // A process may have one after the other.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let dir = runs.join(format!("{}-node-{number}", std::process::id()));
        let (plane, node) = xtask::cluster::Node::start(&binary, &dir, &probe, Life::WithUs)?;
        // Not before: the folder of a run that was killed says which cgroups are its.
        crate::cluster::remove_runs_of_the_dead(&runs);
        node.import(&image::probe_of(&probe)?, image::PROBE)?;
        // Past the capture of a test's output, which would show it for a failed test only.
        let _shown = writeln!(std::io::stderr(), "      a node is there: {}", node.times());
        Ok(Self { cluster: Arc::new(furnish(plane)?), node: Arc::new(node), env: tokio::sync::OnceCell::new() })
    }

    /// Its API server, with everything that a test does with one.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// This machine, as the node and its pods reach it.
    pub fn host(&self) -> IpAddr {
        network::HOST.into()
    }

    /// A fresh namespace that is ready for pods.
    pub async fn namespace(&self, prefix: &str, labels: &[(&str, &str)]) -> Namespace {
        let namespace = self.cluster.namespace(prefix, labels).await;
        let accounts = Api::<ServiceAccount>::namespaced(self.cluster.admin().await, namespace.name());
        wait_for("the account `default`", PATIENCE, || async { accounts.get_opt("default").await.ok()? }).await;
        namespace
    }

    /// Puts an image on the node, under a name such as `localhost/shop:1`.
    pub async fn import(&self, image: &Image, name: &str) {
        let (node, image, name) = (Arc::clone(&self.node), image.clone(), name.to_owned());
        blocking(move || node.import(&image, &name)).await;
    }

    /// Puts the image of `azure-keyvault-env` on the node, once for all tests of this process.
    pub async fn import_env(&self) {
        let put = || async {
            let image = blocking(image::env).await;
            self.import(&image, image::ENV).await;
        };
        self.env.get_or_init(put).await;
    }

    /// Kills the kubelet and starts it again; pods go on meanwhile. Returns when it knows them again, by the word of one that
    /// runs the probe in `container`.
    pub async fn restart_kubelet(&self, witness: &Pod, container: &str) {
        let node = Arc::clone(&self.node);
        let _alone = pod::KUBELET.write().await;
        blocking(move || node.restart_kubelet()).await;
        wait_for("the kubelet to know its pods", PATIENCE, || async {
            (witness.exec_at_once(container, &["/probe", "exit", "0"]).await.code == 0).then_some(())
        })
        .await;
    }

    /// A program of this machine that runs on the node as root, where all containers' processes are seen.
    pub fn command(&self, program: &str) -> Command {
        self.node.command(program)
    }

    /// Where the logs are.
    pub fn dir(&self) -> &Path {
        self.cluster.dir()
    }
}
