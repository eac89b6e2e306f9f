//! The files and the command lines of a control plane.

use super::access::Access;
use crate::failure::During;
use crate::{Outcome, process};
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The port of each part, on 127.0.0.1.
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
    /// Three ports that are free now.
    pub fn free() -> Outcome<Self> {
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
    /// Where it listens.
    pub ports: Ports,
}

/// Reads are recorded too: which objects a component reads, and that it lists metadata only, are promises of the product.
/// So is what a component writes: that no old value follows a newer one, and that no value stands where it must not, are
/// promises too. The control plane's own traffic is not.
const AUDIT_POLICY: &str = r#"{
  "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
  "rules": [
    {"level": "None", "users": ["system:apiserver", "system:kube-controller-manager"]},
    {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
    {"level": "Request", "userGroups": ["system:serviceaccounts"], "verbs": ["create", "update", "patch"]},
    {"level": "Metadata"}
  ]
}"#;

impl Config {
    /// Writes keys, tokens and the audit policy below `dir`.
    pub fn write(binary: &Path, dir: &Path, ports: Ports) -> Outcome<Self> {
        std::fs::create_dir_all(dir).during(dir.display())?;
        let access = Access {
            dir: dir.to_owned(),
            url: format!("https://127.0.0.1:{}", ports.api),
            // The API server makes a certificate for itself, with an authority.
            ca_file: dir.join("cert/apiserver.crt"),
            kubectl: vec![binary.into(), "kubectl".into()],
        };
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).during(dir.join(name).display());
        let token = random_token()?;
        write("tokens.csv", &format!("{token},admin,admin,\"system:masters\"\n"))?;
        write("audit-policy.json", AUDIT_POLICY)?;
        write("sa.key", &process::read(Command::new(binary).arg("service-account-key"))?)?;
        access.write_kubeconfig("admin", &token)?;
        Ok(Self { access, binary: binary.to_owned(), ports })
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

    /// etcd. What it writes is thrown away, so it need not reach the disk.
    pub fn etcd(&self) -> Command {
        let (client, peer) = (self.etcd_url(), format!("http://127.0.0.1:{}", self.ports.peer));
        let mut command = Command::new(&self.binary);
        command.arg("etcd").arg("--data-dir").arg(self.etcd_dir());
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("default={peer}"), "--unsafe-no-fsync", "--log-level", "error"]);
        command
    }

    fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.etcd)
    }

    /// The API server.
    pub fn api_server(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("kube-apiserver").args(["--etcd-servers", &self.etcd_url()]);
        command.args(["--secure-port", &self.ports.api.to_string(), "--bind-address", "127.0.0.1"]);
        command.arg("--cert-dir").arg(self.file("cert")).arg("--token-auth-file").arg(self.file("tokens.csv"));
        // The file holds the private key; the public half is derived from it.
        command.arg("--service-account-key-file").arg(self.file("sa.key"));
        command.arg("--service-account-signing-key-file").arg(self.file("sa.key"));
        command.args(["--service-account-issuer", &self.access.url]);
        command.args(["--service-account-jwks-uri", &format!("{}/openid/v1/jwks", self.access.url)]);
        command.args(["--authorization-mode", "Node,RBAC", "--allow-privileged=true"]);
        command.args(["--service-cluster-ip-range", "10.96.0.0/16"]);
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
        let mut command = Command::new(&self.binary);
        command.arg("kube-controller-manager").arg("--kubeconfig").arg(self.access.kubeconfig("admin"));
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
