//! A node: kubelet, containerd, kube-proxy, CoreDNS and a scheduler beside a control plane, in namespaces of their own.
//!
//! The machine sees one network link and a few processes of it, and nothing once it has ended, however it ends: the
//! first process of the namespaces is tied to us, and with it the kernel ends everything else (see `init.sh`).

mod cgroups;
mod config;
pub mod images;
mod namespaces;
pub mod network;
pub mod record;

use self::config::{Config, DNS_READY, NAME, PROXY_READY, REGISTRIES};
use self::namespaces::Namespaces;
use super::config::{Place, Ports};
use super::{Access, ControlPlane, provision};
use crate::failure::During;
use crate::image::Image;
use crate::process::{self, Life, Server};
use crate::progress::seconds;
use crate::{Failure, Outcome};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A start takes 20 s on two idle cores; a machine that compiles meanwhile is far slower.
const START: Duration = Duration::from_secs(300);
/// Between two looks at something that starts.
const LOOK: Duration = Duration::from_millis(100);
/// The part that starts pods.
const KUBELET: &str = "kubelet";
/// Where the API server asks it for logs.
const KUBELET_PORT: u16 = 10250;
/// The API server could take any; these are the usual ones, and nobody else has this network.
const PORTS: Ports = Ports { etcd: 2379, peer: 2380, api: 6443 };
/// What the node shows folders of its own instead of.
const HIDDEN: [&str; 3] = ["/var/lib", "/var/log", "/run"];

/// A running node.
pub struct Node {
    /// In the order of their start; killed first, so that their last words are no complaint about the others.
    parts: Mutex<Vec<Server>>,
    /// What starts the kubelet; none before it was started.
    kubelet: Option<Box<dyn Fn() -> Command + Send + Sync>>,
    access: Access,
    life: Life,
    times: Vec<(&'static str, Duration)>,
    namespaces: Namespaces,
}

impl Node {
    /// Starts a node with its control plane; files and logs lie below `dir`. `pause` is the program that holds the namespaces
    /// of a pod, without arguments. Returns when the node is ready for pods.
    pub fn start(binary: &Path, dir: &Path, pause: &Path, life: Life) -> Outcome<(ControlPlane, Self)> {
        std::fs::create_dir_all(dir).during(dir.display())?;
        let dir = dir.canonicalize().during(dir.display())?;
        for path in [binary, &dir] {
            if let Some(hidden) = HIDDEN.iter().find(|hidden| path.starts_with(hidden)) {
                let path = path.display();
                return Err(Failure::new(format!(
                    "{path}: a node has a {hidden} of its own; set AKV2K8S_CACHE or CARGO_TARGET_DIR to a place elsewhere"
                )));
            }
        }
        let mut times = Vec::new();
        let namespaces = timed("namespaces", &mut times, || Namespaces::create(&dir, life))?;
        let place = Place { address: network::NODE.into(), ports: PORTS, enter: namespaces.enter() };
        let mut plane =
            timed("control plane", &mut times, || ControlPlane::start_at(place.clone(), binary, &dir, life))?;
        let mut node =
            Self { parts: Mutex::default(), kubelet: None, access: plane.access().clone(), life, times, namespaces };
        match node.start_parts(binary, &place, pause) {
            Ok(()) => Ok((plane, node)),
            Err(failure) => {
                node.stop();
                plane.stop();
                if life == Life::Beyond {
                    record::end()?;
                }
                Err(failure)
            }
        }
    }

    fn start_parts(&mut self, binary: &Path, place: &Place, pause: &Path) -> Outcome<()> {
        let config = Config::write(&self.access)?;
        let part = |name: &str| {
            let mut command = place.command(binary);
            command.arg(name);
            command
        };
        let (access, mut times) = (self.access.clone(), std::mem::take(&mut self.times));
        timed("containerd", &mut times, || {
            self.push("containerd", config.containerd(self.command("containerd")))?;
            self.until("containerd", |node| node.ctr().arg("version").output().is_ok_and(|out| out.status.success()))?;
            self.import(&Image::scratch().program("/pause", pause)?.entrypoint(["/pause"]), config::PAUSE)
        })?;
        timed("node", &mut times, || {
            self.push("kube-scheduler", config.scheduler(part("kube-scheduler")))?;
            self.push(KUBELET, config.kubelet(part(KUBELET)))?;
            self.push("kube-proxy", config.kube_proxy(part("kube-proxy")))?;
            self.push("coredns", config.coredns(part("coredns")))?;
            provision::apply(&mut access.kubectl(), &access.dir, &config::dns_service())?;
            self.until("the node", Self::says_ready)
        })?;
        timed("DNS", &mut times, || {
            self.until("kube-proxy", |_| answers(PROXY_READY, "/healthz"))?;
            self.until("CoreDNS", |_| answers(DNS_READY, "/ready"))
        })?;
        self.times = times;
        let (place, binary) = (place.clone(), binary.to_owned());
        self.kubelet = Some(Box::new(move || {
            let mut command = place.command(&binary);
            command.arg(KUBELET);
            config.kubelet(command)
        }));
        Ok(())
    }

    /// Kills the kubelet, as a crash would, and starts it again beside the pods that run. Returns when it answers.
    pub fn restart_kubelet(&self) -> Outcome<()> {
        let start = self.kubelet.as_ref().ok_or_else(|| Failure::new("the node has not started"))?;
        let log = self.access.dir.join(format!("{KUBELET}.log"));
        let at = self.parts().iter().position(|part| part.log() == log);
        let at = at.ok_or_else(|| Failure::new("the node has no kubelet"))?;
        let answers = || TcpStream::connect((network::NODE, KUBELET_PORT)).is_ok();
        let deadline = Instant::now() + START;
        self.parts()[at].kill();
        // What was started may have been the way into the namespaces; the kubelet itself ends a moment after it.
        while answers() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
        self.parts()[at] = Server::start(KUBELET, start(), &log, self.life)?;
        self.until("the kubelet", |_| answers())
    }

    fn parts(&self) -> MutexGuard<'_, Vec<Server>> {
        // Whoever panicked with it left processes, which can still be asked and killed.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where containerd looks for what it is to know of registries, a folder for each.
    pub fn registries(&self) -> PathBuf {
        self.access.dir.join("node").join(REGISTRIES)
    }

    /// How its API server is reached.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The process ids of its parts, in the order of the start.
    pub fn pids(&self) -> Vec<u32> {
        self.parts().iter().map(Server::pid).collect()
    }

    /// How long each step of the start took, for a person.
    pub fn times(&self) -> String {
        let times: Vec<_> = self.times.iter().map(|(what, took)| format!("{what} {}", seconds(*took))).collect();
        times.join(", ")
    }

    /// A command that runs on the node, as root.
    pub fn command(&self, program: &str) -> Command {
        self.namespaces.command(program)
    }

    fn push(&self, name: &str, command: Command) -> Outcome<()> {
        let log = self.access.dir.join(format!("{name}.log"));
        let part = Server::start(name, command, &log, self.life).during("the node")?;
        self.parts().push(part);
        Ok(())
    }

    /// Looks until `what` is ready, as long as every part runs.
    fn until(&self, what: &str, ready: impl Fn(&Self) -> bool) -> Outcome<()> {
        let deadline = Instant::now() + START;
        while !ready(self) {
            for part in self.parts().iter_mut() {
                part.check_alive()?;
            }
            if Instant::now() > deadline {
                let (logs, waited) = (self.access.dir.display(), START.as_secs());
                return Err(Failure::new(format!("{what} was not ready after {waited} s; the logs are below {logs}")));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn says_ready(&self) -> bool {
        let condition = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
        process::read(self.access.kubectl().args(["get", "node", NAME, "-o", condition]))
            .is_ok_and(|said| said == "True")
    }

    /// Kills its parts; the namespaces with all pods end when the value does.
    pub fn stop(&mut self) {
        let mut parts = self.parts();
        while let Some(mut part) = parts.pop() {
            part.kill();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.life == Life::WithUs {
            self.stop();
        }
    }
}

fn timed<T>(
    what: &'static str,
    times: &mut Vec<(&'static str, Duration)>,
    work: impl FnOnce() -> Outcome<T>,
) -> Outcome<T> {
    let began = Instant::now();
    let done = work();
    times.push((what, began.elapsed()));
    done
}

/// Whether a part answers `GET path` on the node's address with 200.
fn answers(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((network::NODE, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split(' ').nth(1) == Some("200"))
    };
    ask().unwrap_or(false)
}
