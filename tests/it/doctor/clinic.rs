//! An installation in a cluster of its own: the real controller and webhook as processes, their Deployments with pods that a
//! script plays the kubelet of, and the doctor.

use super::rows::Row;
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Component, Controller, Installation, program, wait_for};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// Two vaults: the identity may read the first only.
const OBJECTS: &str =
    "  secrets: [{name: s, value: v4lue}]\n- name: shop-locked\n  secrets: [{name: s, value: v4lue}]\n";

/// What the chart would make of a release, as far as the doctor looks at it, and a kubelet that says that all runs.
const RELEASE: &str = include_str!("release.sh");

/// Waits until the API server's own look at the roles is such that the webhook may no longer do something.
const LOST: &str =
    "lost() { while kubectl auth can-i \"$@\" --as=\"system:serviceaccount:$HOME_NS:$WEBHOOK\"; do :; done; }";

/// All of it.
pub struct Clinic {
    pub world: Installation,
    pub controller: Mutex<Option<Controller>>,
    functions: String,
}

/// What the doctor said.
pub struct Report {
    pub text: String,
    pub json: Value,
    pub code: i32,
}

impl Clinic {
    /// Opens one in which everything is well.
    pub async fn open(name: &'static str) -> Self {
        let cluster = Cluster::own(name).await;
        let mut world = Installation::prepare(cluster.clone(), name, OBJECTS, &["webhook"]).await;
        world.add_replica().await;
        world.register().await;
        let controller = Self::start_controller(&world, &world.vault.environment("injector")).await;
        let functions = functions(&cluster, &world);
        let clinic = Self { world, controller: Mutex::new(Some(controller)), functions };
        clinic.run(RELEASE).await;
        clinic
    }

    /// Starts a controller of every namespace.
    pub async fn start_controller(world: &Installation, vault: &[(String, String)]) -> Controller {
        let mut environment = vault.to_vec();
        environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
        Controller::start_everywhere_from(&world.home, &environment, &["--azure-resync-period=2"]).await
    }

    /// The namespace of the release.
    pub fn home(&self) -> &str {
        self.world.home.name()
    }

    /// The administrator's kubeconfig.
    pub fn administrator(&self) -> PathBuf {
        self.world.cluster().admin_kubeconfig()
    }

    /// A kubeconfig of somebody who may do nothing: the account of another component, without its roles.
    pub async fn stranger(&self) -> PathBuf {
        self.run("kubectl create serviceaccount stranger -n $HOME_NS").await;
        let token = self.world.home.token("stranger", &[]).await;
        let path = self.world.cluster().dir().join("stranger.kubeconfig");
        let admin = std::fs::read_to_string(self.administrator()).expect("a kubeconfig");
        let mut config: Value = serde_json::from_str(&admin).expect("ours are JSON");
        config["users"][0]["user"] = serde_json::json!({"token": token});
        std::fs::write(&path, config.to_string()).expect("the folder is ours");
        path
    }

    /// Runs a script of the administrator, in which `kubectl` and `akv2k8s` are ours.
    pub async fn run(&self, script: &str) {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &format!("{}\n{script}", self.functions)]);
        shell.current_dir(self.world.cluster().dir());
        let output = ended(shell).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{}{said}", String::from_utf8_lossy(&output.stdout));
    }

    /// What the doctor says to the owner of a kubeconfig about the release in a namespace.
    pub async fn examine(&self, kubeconfig: &Path, namespace: &str) -> Report {
        let doctor = |form: &str| {
            let mut command = program::command("akv2k8s");
            command.args(["doctor", "--namespace", namespace, "-o", form, "--kubeconfig"]).arg(kubeconfig);
            ended(command)
        };
        let (text, json) = (doctor("text").await, doctor("json").await);
        let said = String::from_utf8_lossy(&json.stderr);
        Report {
            text: String::from_utf8_lossy(&text.stdout).into_owned(),
            json: serde_json::from_slice(&json.stdout).unwrap_or_else(|error| panic!("{error}: {said}")),
            code: json.status.code().unwrap_or(-1),
        }
    }

    /// Waits until the doctor says something to the administrator.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Report) -> bool) -> Report {
        let last = Mutex::new(String::new());
        let look = || async {
            let report = self.examine(&self.administrator(), self.home()).await;
            *last.lock().unwrap_or_else(PoisonError::into_inner) = report.text.clone();
            wanted(&report).then_some(report)
        };
        let found = akv_tests::wait::try_wait_for(what, PATIENCE, look).await;
        found.unwrap_or_else(|failure| panic!("{failure}\n{}", last.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Waits until a metric of the cluster's objects is seen: a condition of a resource with this reason.
    pub async fn until_reason(&self, resource: &str, reason: &str) {
        let script = format!(
            "kubectl get azurekeyvaultsecrets.v2beta1.spv.no -n $SHOP_NS {resource} -o jsonpath='{{.status.conditions[0].reason}}' | grep -qx {reason}"
        );
        let look = || async { self.succeeds(&script).await.then_some(()) };
        wait_for(&format!("{resource} to be {reason}"), PATIENCE, look).await;
    }

    async fn succeeds(&self, script: &str) -> bool {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &format!("{}\n{script}", self.functions)]);
        ended(shell).await.status.success()
    }
}

impl Report {
    /// Every state, in order.
    pub fn states(&self) -> Vec<String> {
        self.checks().map(|check| check["state"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What is wrong.
    pub fn failures(&self) -> Vec<&Value> {
        self.checks().filter(|check| check["state"] == "failure").collect()
    }

    /// Whether a row's cause and fix are there, in its topic and state.
    pub fn says(&self, row: &Row) -> bool {
        self.checks().any(|check| matches(check, row))
    }

    /// What it says of a row, for a person.
    pub fn said(&self, row: &Row) -> String {
        let found = self.checks().filter(|check| matches(check, row));
        found.map(|check| serde_yaml_ng::to_string(check).unwrap_or_default()).collect()
    }

    fn checks(&self) -> impl Iterator<Item = &Value> {
        self.json["checks"].as_array().into_iter().flatten()
    }
}

fn matches(check: &Value, row: &Row) -> bool {
    let holds = |field: &str, text: &str| check[field].as_str().is_some_and(|said| said.contains(text));
    check["topic"] == row.topic
        && check["state"] == row.state
        && holds("cause", row.cause)
        && (holds("fix", row.fix) || holds("command", row.fix))
}

/// `kubectl` as the administrator, our program, what waits for a right to be lost, and the names of this installation.
fn functions(cluster: &Cluster, world: &Installation) -> String {
    let kubectl = cluster.kubectl();
    let words = std::iter::once(kubectl.get_program()).chain(kubectl.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let registrations: Vec<Value> = world.registrations();
    let file = cluster.dir().join("registrations.json");
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": registrations});
    std::fs::write(file, list.to_string()).expect("the folder is ours");
    let authority = rcgen::generate_simple_self_signed(vec!["foreign".to_owned()]).expect("a certificate");
    std::fs::write(cluster.dir().join("foreign.pem"), authority.cert.pem()).expect("the folder is ours");
    format!(
        "kubectl() {{ {} \"$@\"; }}\nakv2k8s() {{ '{}' \"$@\"; }}\n{LOST}\nexport KUBECONFIG='{}'\nHOME_NS={}\nSHOP_NS={}\nHOOK={}\nCONTROLLER={}\nWEBHOOK={}",
        words.join(" "),
        program::path("akv2k8s").display(),
        cluster.admin_kubeconfig().display(),
        world.home.name(),
        world.shop.name(),
        world.configuration(),
        Component::Controller.account(),
        Component::Webhook.account(),
    )
}

async fn ended(mut command: Command) -> Output {
    let ended = tokio::task::spawn_blocking(move || command.output()).await;
    ended.unwrap_or_else(|error| panic!("{error}")).unwrap_or_else(|error| panic!("{error}"))
}
