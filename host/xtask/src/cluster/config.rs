//! The files and the command lines of a control plane.

use super::access::Access;
use crate::failure::During;
use crate::{Outcome, process};
use std::ffi::OsString;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a control plane runs.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where its API server is reached; etcd listens on loopback, wherever that is.
    pub address: IpAddr,
    /// The port of each part.
    pub ports: Ports,
    /// The beginning of every command line: nothing, or how the namespaces of a node are entered.
    pub enter: Vec<OsString>,
}

impl Place {
    /// The machine's loopback, with ports that are free now.
    pub fn loopback() -> Outcome<Self> {
        Ok(Self { address: Ipv4Addr::LOCALHOST.into(), ports: Ports::free()?, enter: Vec::new() })
    }

    /// A command that runs there.
    pub fn command(&self, program: &Path) -> Command {
        let mut words = self.enter.iter().map(OsString::as_os_str).chain([program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    }
}

/// The port of each part.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// Where etcd serves the API server.
    pub etcd: u16,
    /// Where etcd would serve its peers.
    pub peer: u16,
    /// Where the API server serves everybody.
    pub api: u16,
}

impl Ports {
    /// Three ports of 127.0.0.1 that are free now.
    fn free() -> Outcome<Self> {
        let listen = || TcpListener::bind(("127.0.0.1", 0)).during("no free port on 127.0.0.1");
        // All are held until each is known, so that they differ.
        let held = [listen()?, listen()?, listen()?];
        let port = |n: usize| held[n].local_addr().map(|at| at.port()).during("no free port on 127.0.0.1");
        Ok(Self { etcd: port(0)?, peer: port(1)?, api: port(2)? })
    }
}

/// What is written for a control plane before it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// How it is reached, and where everything of it lies.
    pub access: Access,
    /// The binary with every part.
    binary: PathBuf,
    /// Where it runs.
    pub place: Place,
}

/// The user that kubelet and the other parts of a node are; its kubeconfig has the same name.
pub const NODE_PARTS: &str = "node-parts";

/// Reads are recorded too: which objects a component reads, and that it lists metadata only, are promises of the product.
/// So is what a component writes: that no old value follows a newer one, and that no value stands where it must not, are
/// promises too. The control plane's own traffic is not.
const AUDIT_POLICY: &str = r#"{
  "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
  "rules": [
    {"level": "None", "users": ["system:apiserver", "system:kube-controller-manager", "node-parts"]},
    {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
    {"level": "Request", "userGroups": ["system:serviceaccounts"], "verbs": ["create", "update", "patch"]},
    {"level": "Metadata"}
  ]
}"#;

impl Config {
    /// Writes keys, tokens and the audit policy below `dir`.
    pub fn write(binary: &Path, dir: &Path, place: Place) -> Outcome<Self> {
        std::fs::create_dir_all(dir).during(dir.display())?;
        let access = Access {
            dir: dir.to_owned(),
            url: format!("https://{}:{}", place.address, place.ports.api),
            // The API server makes a certificate for itself, with an authority.
            ca_file: dir.join("cert/apiserver.crt"),
            kubectl: vec![binary.into(), "kubectl".into()],
        };
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).during(dir.join(name).display());
        let (token, of_the_node) = (random_token()?, random_token()?);
        let row = |token: &str, user: &str| format!("{token},{user},{user},\"system:masters\"\n");
        // A user of its own, so that the audit log tells a node's parts from the tests.
        write("tokens.csv", &(row(&token, "admin") + &row(&of_the_node, NODE_PARTS)))?;
        write("audit-policy.json", AUDIT_POLICY)?;
        write("sa.key", &process::read(Command::new(binary).arg("service-account-key"))?)?;
        access.write_kubeconfig("admin", &token)?;
        access.write_kubeconfig(NODE_PARTS, &of_the_node)?;
        Ok(Self { access, binary: binary.to_owned(), place })
    }

    /// The log of the requests that the API server answered.
    pub fn audit_log(&self) -> PathBuf {
        self.file("audit.log")
    }

    /// Where etcd keeps what the API server stores.
    pub fn etcd_dir(&self) -> PathBuf {
        self.file("etcd")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.access.dir.join(name)
    }

    /// A part of the binary, as a command that runs where the control plane does.
    pub fn part(&self, name: &str) -> Command {
        let mut command = self.place.command(&self.binary);
        command.arg(name);
        command
    }

    /// etcd. What it writes is thrown away, so it need not reach the disk.
    pub fn etcd(&self) -> Command {
        let (client, peer) = (self.etcd_url(), format!("http://127.0.0.1:{}", self.place.ports.peer));
        let mut command = self.part("etcd");
        command.arg("--data-dir").arg(self.etcd_dir());
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("default={peer}"), "--unsafe-no-fsync", "--log-level", "error"]);
        command
    }

    fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.place.ports.etcd)
    }

    /// The API server.
    pub fn api_server(&self) -> Command {
        let Place { address, ports, .. } = &self.place;
        let mut command = self.part("kube-apiserver");
        command.args(["--etcd-servers", &self.etcd_url(), "--secure-port", &ports.api.to_string()]);
        if address.is_loopback() {
            command.args(["--bind-address", &address.to_string()]);
        } else {
            command.args(["--bind-address", "0.0.0.0", "--advertise-address", &address.to_string()]);
            // It calls webhooks at the endpoints of their Service, and kubelet where the node says it is.
            command.args(["--enable-aggregator-routing=true", "--kubelet-preferred-address-types", "InternalIP"]);
        }
        command.arg("--cert-dir").arg(self.file("cert")).arg("--token-auth-file").arg(self.file("tokens.csv"));
        // The file holds the private key; the public half is derived from it.
        command.arg("--service-account-key-file").arg(self.file("sa.key"));
        command.arg("--service-account-signing-key-file").arg(self.file("sa.key"));
        command.args(["--service-account-issuer", &self.access.url]);
        command.args(["--service-account-jwks-uri", &format!("{}/openid/v1/jwks", self.access.url)]);
        command.args(["--authorization-mode", "Node,RBAC", "--allow-privileged=true"]);
        command.args(["--service-cluster-ip-range", super::node::network::SERVICES]);
        command
            .arg("--audit-policy-file")
            .arg(self.file("audit-policy.json"))
            .arg("--audit-log-path")
            .arg(self.audit_log());
        // One file: a test reads it from where it began.
        command.args(["--audit-log-maxsize", "100000"]);
        command
    }

    /// The controller manager: garbage collection, the end of namespaces, default service accounts.
    pub fn controller_manager(&self) -> Command {
        let mut command = self.part("kube-controller-manager");
        command.arg("--kubeconfig").arg(self.access.kubeconfig("admin"));
        command.arg("--service-account-private-key-file").arg(self.file("sa.key"));
        command.arg("--root-ca-file").arg(&self.access.ca_file);
        command.args(["--leader-elect=false", "--secure-port", "0", "--use-service-account-credentials=true"]);
        command
    }
}

fn random_token() -> Outcome<String> {
    let mut bytes = [0u8; 24];
    let mut source = std::fs::File::open("/dev/urandom").during("/dev/urandom")?;
    source.read_exact(&mut bytes).during("/dev/urandom")?;
    Ok(hex::encode(bytes))
}
