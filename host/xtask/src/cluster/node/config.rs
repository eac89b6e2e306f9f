//! The files and the command lines of a node's parts.

use super::network::{BRIDGE, NODE, PODS};
use crate::cluster::access::Access;
use crate::cluster::config::NODE_PARTS;
use crate::failure::During;
use crate::{Failure, Outcome};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The node's name in the cluster.
pub const NAME: &str = "node";
/// What holds the namespaces of a pod.
pub const PAUSE: &str = "localhost/akv2k8s-pause:1";
/// The address that every pod asks for names.
pub const DNS: &str = "10.96.0.10";
/// Where CoreDNS says that it has read the cluster.
pub const DNS_READY: u16 = 8181;
/// Where kube-proxy says that it has written its rules.
pub const PROXY_READY: u16 = 10256;
/// Below the node's folder: what containerd is to know of registries, in a folder for each, read at each pull.
pub const REGISTRIES: &str = "registries";
/// Where containerd listens, within the node.
const SOCKET: &str = "/run/containerd/containerd.sock";

/// What is written for a node before its parts start.
pub struct Config {
    dir: PathBuf,
    kubeconfig: PathBuf,
}

impl Config {
    /// Writes what the parts read below the folder of the control plane.
    pub fn write(access: &Access) -> Outcome<Self> {
        let dir = access.dir.join("node");
        std::fs::create_dir_all(dir.join("cni")).during(dir.display())?;
        let config = Self { dir, kubeconfig: access.kubeconfig(NODE_PARTS) };
        let write =
            |name: &str, text: String| std::fs::write(config.file(name), text).during(config.file(name).display());
        write("containerd.toml", config.containerd_toml(&plugins_of_cni()?))?;
        write("cni/pods.conflist", conflist().to_string())?;
        write("resolv.conf", format!("nameserver {NODE}\n"))?;
        write("kubelet.json", config.kubelet_json().to_string())?;
        let kubeconfig = config.kubeconfig.display();
        write(
            "Corefile",
            format!(
                ".:53 {{\n  bind {NODE}\n  errors\n  ready {NODE}:{DNS_READY}\n  kubernetes cluster.local {{\n    kubeconfig {kubeconfig}\n  }}\n}}\n"
            ),
        )?;
        Ok(config)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Without `restrict_oom_score_adj`, a process that may not lower its score cannot start a container. The native
    /// snapshotter copies, and so needs nothing of the file system; the images of tests are small.
    fn containerd_toml(&self, plugins: &Path) -> String {
        let cri = r#"plugins."io.containerd.grpc.v1.cri""#;
        format!(
            "version = 2\n[grpc]\naddress = \"{SOCKET}\"\n[{cri}]\nsandbox_image = \"{PAUSE}\"\nrestrict_oom_score_adj = true\n\
             [{cri}.containerd]\nsnapshotter = \"native\"\n[{cri}.containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n\
             [{cri}.cni]\nbin_dir = \"{}\"\nconf_dir = \"{}\"\n[{cri}.registry]\nconfig_path = \"{}\"\n",
            plugins.display(),
            self.file("cni").display(),
            self.file(REGISTRIES).display()
        )
    }

    fn kubelet_json(&self) -> Value {
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "address": "0.0.0.0", "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
            // The API server has no certificate to show it.
            "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
            "authorization": {"mode": "AlwaysAllow"},
            // Works with either version of cgroups, and in a machine that is itself a container.
            "cgroupDriver": "cgroupfs", "cgroupsPerQOS": false, "enforceNodeAllocatable": [], "failCgroupV1": false,
            "failSwapOn": false, "makeIPTablesUtilChains": false,
            "clusterDomain": "cluster.local", "clusterDNS": [DNS], "resolvConf": self.file("resolv.conf"),
            // A full disk is the tester's concern, and no image may go that a test has imported.
            "evictionHard": {"memory.available": "10Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            // Pods are seen to be ready, and Secrets to have changed, within a test's patience.
            "nodeStatusUpdateFrequency": "5s", "syncFrequency": "10s",
            // So are containers that are started again, whose waits would grow to five minutes.
            "featureGates": {"KubeletCrashLoopBackOffMax": true}, "crashLoopBackOff": {"maxContainerRestartPeriod": "10s"},
        })
    }

    /// containerd.
    pub fn containerd(&self, mut command: Command) -> Command {
        command.arg("--config").arg(self.file("containerd.toml"));
        command
    }

    /// kubelet.
    pub fn kubelet(&self, mut command: Command) -> Command {
        command.arg("--kubeconfig").arg(&self.kubeconfig).arg("--config").arg(self.file("kubelet.json"));
        command.args(["--hostname-override", NAME, "--node-ip", &NODE.to_string()]);
        command
    }

    /// kube-proxy. What concerns the whole machine it leaves alone.
    pub fn kube_proxy(&self, mut command: Command) -> Command {
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(["--hostname-override", NAME]);
        command.args(["--proxy-mode", "iptables", "--cluster-cidr", PODS, "--conntrack-max-per-core", "0"]);
        command.args(["--healthz-bind-address", &format!("{NODE}:{PROXY_READY}")]);
        if !Path::new("/proc/sys/net/bridge").exists() {
            // Answers between two pods of a bridge would go past the rules that have to change them back.
            command.arg("--masquerade-all");
        }
        command
    }

    /// The scheduler.
    pub fn scheduler(&self, mut command: Command) -> Command {
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(["--leader-elect=false", "--secure-port", "0"]);
        command
    }

    /// CoreDNS.
    pub fn coredns(&self, mut command: Command) -> Command {
        command.arg("-conf").arg(self.file("Corefile"));
        command
    }
}

/// Where the programs lie that give a pod its network: Debian has them in another place than the project's own archive.
fn plugins_of_cni() -> Outcome<PathBuf> {
    let places = ["/usr/lib/cni", "/opt/cni/bin"].map(PathBuf::from);
    let found = places.into_iter().find(|dir| dir.join("bridge").exists() && dir.join("host-local").exists());
    found.ok_or_else(|| Failure::new("no CNI plugins in /usr/lib/cni or /opt/cni/bin"))
}

/// Pods need no way to the outside, so nothing is masked.
fn conflist() -> Value {
    json!({
        "cniVersion": "0.4.0", "name": "pods",
        "plugins": [{
            "type": "bridge", "bridge": BRIDGE, "isGateway": true, "ipMasq": false, "hairpinMode": true,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS, "gateway": NODE}]], "routes": [{"dst": "0.0.0.0/0"}]},
        }],
    })
}

/// The Service by which pods reach CoreDNS, which is no pod.
pub fn dns_service() -> [Value; 2] {
    let metadata = json!({"name": "kube-dns", "namespace": "kube-system"});
    let port = |name: &str, protocol: &str| json!({"name": name, "protocol": protocol, "port": 53});
    let ports = [port("dns", "UDP"), port("dns-tcp", "TCP")];
    [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"clusterIP": DNS, "ports": ports}}),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"kubernetes.io/service-name": "kube-dns"}},
            "endpoints": [{"addresses": [NODE]}], "ports": ports,
        }),
    ]
}
