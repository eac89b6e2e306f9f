//! How an API server is reached, ours or another: its address, its authority, kubeconfigs for its accounts.

use crate::failure::During;
use crate::{Outcome, process};
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Access to an API server as its administrator.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where kubeconfigs lie, and for a control plane of ours everything else.
    pub dir: PathBuf,
    /// The address of the API server; for a control plane of ours, the issuer of service-account tokens too.
    pub url: String,
    /// The authority of its certificate, as PEM.
    pub ca_file: PathBuf,
    /// A program that is kubectl, with its first arguments.
    pub kubectl: Vec<OsString>,
}

impl Access {
    /// Access to a cluster that is there already, by a kubeconfig whose current context is an administrator's.
    /// `kubectl` of the machine is used.
    pub fn to_existing(kubeconfig: &Path, dir: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(dir).during(dir.display())?;
        let view = |template: &str| {
            let mut command = Command::new("kubectl");
            command.args(["config", "view", "--raw", "--minify", "--flatten", "--kubeconfig"]).arg(kubeconfig);
            command.args(["-o", "go-template", "--template", template]);
            process::read(&mut command)
        };
        let access = Self {
            dir: dir.to_owned(),
            url: view("{{(index .clusters 0).cluster.server}}")?,
            ca_file: dir.join("ca.crt"),
            kubectl: vec!["kubectl".into()],
        };
        let ca = view(r#"{{index (index .clusters 0).cluster "certificate-authority-data" | base64decode}}"#)?;
        std::fs::write(&access.ca_file, ca).during(access.ca_file.display())?;
        let admin = access.kubeconfig("admin");
        std::fs::copy(kubeconfig, &admin).during(kubeconfig.display())?;
        Ok(access)
    }

    /// Where the kubeconfig of an account lies.
    pub fn kubeconfig(&self, account: &str) -> PathBuf {
        self.dir.join(format!("{account}.kubeconfig"))
    }

    /// Writes a kubeconfig for the account that `token` stands for. It is JSON, which is YAML too.
    pub fn write_kubeconfig(&self, account: &str, token: &str) -> Outcome<PathBuf> {
        let path = self.kubeconfig(account);
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": {"server": self.url, "certificate-authority": self.ca_file}}],
            "users": [{"name": account, "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": account}}],
        });
        std::fs::write(&path, config.to_string()).during(path.display())?;
        Ok(path)
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(self.kubectl.first().cloned().unwrap_or_default());
        command.args(self.kubectl.iter().skip(1)).arg("--kubeconfig").arg(self.kubeconfig("admin"));
        // Its caches of the server's APIs would lie in the home of whoever runs the tests.
        command.arg("--cache-dir").arg(self.dir.join("kubectl-cache"));
        command
    }
}
