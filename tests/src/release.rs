//! The product as its charts install it, on a node on which nothing of it was before: images, packaged charts, a vault that
//! pods reach, and Helm.

pub mod inventory;

use crate::cluster::blocking;
use crate::helm::{chart, helm};
use crate::node::Node;
use crate::{Namespace, injection, program};
use local_vault::{LocalVault, Options, Seed};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use xtask::failure::During;
use xtask::image::Image;
use xtask::image::product::{self, Product};
use xtask::setup::static_program::{Arch, INJECTOR};
use xtask::{Failure, Outcome, process};

/// Where it is installed, and the name of the release.
pub const HOME: &str = "akv2k8s";
/// The ConfigMap with what a program has to know of the vault.
const CLOUD: &str = "local-vault";
/// Where that is mounted.
const CLOUD_DIR: &str = "/etc/cloud";

/// The image of the product: of `akv2k8s` with the program that all other tests run, of what runs in other people's images with
/// the file that ships.
pub fn image(product: Product) -> Outcome<Image> {
    match product {
        Product::Akv2k8s => product.image_of(&program::path(product.program())),
        Product::AzureKeyvaultEnv => product.image(Arch::native(), INJECTOR),
    }
}

/// What somebody has who is about to install it, and afterwards the release.
pub struct Release {
    /// Where it runs.
    pub node: Arc<Node>,
    /// Where the objects are. Pods reach it under its own names.
    pub vault: LocalVault,
    charts: PathBuf,
}

impl Release {
    /// Puts images on the node, packages the charts and starts the vault. `vaults` is the rest of the seed, from `vaults:` on.
    pub async fn prepare(node: Arc<Node>, vaults: &str) -> Self {
        let seed = Seed::parse(&format!("{}{vaults}", injection::SEED)).unwrap_or_else(|e| panic!("{e}"));
        let listen = SocketAddr::new(node.host(), 0);
        let vault = LocalVault::start(seed, Options { listen, ..Options::default() }).await;
        let vault = vault.unwrap_or_else(|e| panic!("{e}"));
        let version = blocking(product::version).await;
        for product in Product::ALL {
            let image = blocking(move || image(product)).await;
            node.import(&image, &format!("{}:{version}", product.repository())).await;
        }
        let release = Self { charts: node.dir().join("charts"), node, vault };
        for name in ["akv2k8s", "akv2k8s-crds"] {
            let (from, to) = (chart(name).display().to_string(), release.charts.display().to_string());
            release.helm(&["package", &from, "--destination", &to], &Value::Null).await;
        }
        release.describe_vault(HOME).await;
        release
    }

    /// Puts what belongs to a private cloud, its authority and its addresses, into a namespace that is about to have a release.
    pub async fn describe_vault(&self, namespace: &str) {
        let file = |name: &str| {
            let path = self.vault.directory().join(name);
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            {
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CLOUD, "namespace": namespace},
                "data": {"ca.crt": file("ca.crt"), "cloud.json": file("cloud.json")},
            },
        ]});
        let path = self.node.dir().join("local-vault.json");
        std::fs::write(&path, objects.to_string()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut kubectl = self.node.cluster().kubectl();
        kubectl.args(["apply", "--server-side", "-f"]).arg(path);
        blocking(move || process::read(&mut kubectl)).await;
    }

    /// The values of an installation whose parts are service principals of that cloud.
    pub fn values(&self) -> Value {
        json!({
            "azureKeyVaultResyncPeriod": 2,
            "global": {"keyVaultAuth": "environment", "trustedCA": {"configMap": CLOUD}},
            "controller": self.part("controller"),
            "env_injector": self.part("injector"),
        })
    }

    fn part(&self, identity: &str) -> Value {
        let ours = |(name, value): (String, String)| name.starts_with("AZURE_").then_some((name, json!(value)));
        let mut env: Map<String, Value> = self.vault.environment(identity).into_iter().filter_map(ours).collect();
        env.insert("AZURE_ENVIRONMENT_FILEPATH".to_owned(), json!(format!("{CLOUD_DIR}/cloud.json")));
        json!({
            "env": env,
            "hostAliases": self.aliases(),
            "extraVolumes": [{"name": CLOUD, "configMap": {"name": CLOUD}}],
            "extraVolumeMounts": [{"name": CLOUD, "mountPath": CLOUD_DIR, "readOnly": true}],
        })
    }

    /// The addresses of the vaults and of the token service, which DNS knows of real ones.
    fn aliases(&self) -> Value {
        let vaults = self.vault.vaults().into_iter().map(|(name, _)| format!("{name}.vault.localhost"));
        let names: Vec<_> = vaults.chain(["login.localhost".to_owned()]).collect();
        json!([{"ip": self.node.host(), "hostnames": names}])
    }

    /// The pod with those addresses in it.
    pub fn reaching_vaults(&self, mut pod: Value) -> Value {
        pod["spec"]["hostAliases"] = self.aliases();
        pod
    }

    /// The packaged chart of this name.
    pub fn chart(&self, name: &str) -> String {
        let version = env!("CARGO_PKG_VERSION");
        self.charts.join(format!("{name}-{version}.tgz")).display().to_string()
    }

    /// Installs the chart `akv2k8s` with [`Self::values`] and waits until it is ready.
    pub async fn install(&self, more: &[&str]) {
        self.install_in(HOME, more).await;
    }

    /// The same in a namespace of one's own, see [`Self::describe_vault`].
    pub async fn install_in(&self, namespace: &str, more: &[&str]) {
        let chart = self.chart("akv2k8s");
        let args = ["install", HOME, &chart, "--namespace", namespace, "--values", "-", "--wait", "--timeout", "5m"];
        self.helm(&[&args, more].concat(), &self.values()).await;
    }

    /// Takes a release away, and waits until its pods are gone.
    pub async fn uninstall(&self, name: &str) {
        self.helm(&["uninstall", name, "--namespace", HOME, "--wait", "--timeout", "5m"], &Value::Null).await;
    }

    /// Runs Helm as the cluster's administrator; returns what it printed.
    ///
    /// # Panics
    /// If it fails, with its words and those of the pods.
    pub async fn helm(&self, args: &[&str], values: &Value) -> String {
        let kubeconfig = self.node.cluster().admin_kubeconfig().display().to_string();
        let all: Vec<String> = args.iter().copied().chain(["--kubeconfig", &kubeconfig]).map(str::to_owned).collect();
        let input = if values.is_null() { String::new() } else { values.to_string() };
        let ran = tokio::task::spawn_blocking(move || {
            helm(&all.iter().map(String::as_str).collect::<Vec<_>>(), &input).map_err(Failure::new)
        });
        match ran.await.unwrap_or_else(|panic| Err(Failure::new(panic.to_string()))) {
            Ok(said) => said,
            Err(failure) => panic!("helm {}: {failure}\n{}", args.join(" "), self.state().await),
        }
    }

    /// What the pods of the release say, for who looks for a fault.
    pub async fn state(&self) -> String {
        let looks: [&[&str]; 4] = [
            &["get", "pods,jobs", "-o", "wide"],
            &["get", "events", "--sort-by=.lastTimestamp"],
            &["logs", "-l", "app.kubernetes.io/name=akv2k8s", "--all-containers", "--prefix", "--tail=30"],
            &[
                "logs",
                "-l",
                "app.kubernetes.io/name=akv2k8s",
                "--all-containers",
                "--prefix",
                "--tail=10",
                "--previous",
            ],
        ];
        let mut said = String::new();
        for look in looks {
            let mut kubectl = self.node.cluster().kubectl();
            kubectl.args(["--namespace", HOME]).args(look);
            let found = tokio::task::spawn_blocking(move || process::read(&mut kubectl)).await;
            let found: Outcome<String> = found.during("kubectl").and_then(|read| read);
            said += &found.unwrap_or_else(|failure| failure.to_string());
            said.push('\n');
        }
        said
    }

    /// A namespace with injection.
    pub async fn namespace(&self, prefix: &str) -> Namespace {
        self.node.namespace(prefix, &[(akv_api::name::INJECTION_LABEL, "enabled")]).await
    }
}
