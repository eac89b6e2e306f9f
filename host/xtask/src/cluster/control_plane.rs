//! Starts and stops the parts of a control plane, in order.

use super::access::Access;
use super::config::{Config, Place};
use crate::failure::During;
use crate::process::{self, Life, Server};
use crate::{Failure, Outcome};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A start takes 4 s on two idle cores; a machine that compiles meanwhile is far slower.
const START: Duration = Duration::from_secs(120);
/// The API server ends its watches first.
const STOP: Duration = Duration::from_secs(15);
/// Between two looks at something that starts.
const LOOK: Duration = Duration::from_millis(50);

/// A running control plane.
pub struct ControlPlane {
    config: Config,
    life: Life,
    /// In the order of their start: etcd, API server, controller manager.
    parts: Vec<Server>,
}

impl ControlPlane {
    /// Starts a control plane whose files and logs lie below `dir`. Returns when the API server is ready.
    pub fn start(binary: &Path, dir: &Path, life: Life) -> Outcome<Self> {
        Self::start_at(Place::loopback()?, binary, dir, life)
    }

    /// The same at a place of one's choice.
    pub fn start_at(place: Place, binary: &Path, dir: &Path, life: Life) -> Outcome<Self> {
        let config = Config::write(binary, dir, place)?;
        let mut plane = Self { config, life, parts: Vec::new() };
        let started = plane.start_from(0);
        if started.is_err() {
            plane.stop();
        }
        started.map(|()| plane)
    }

    fn start_from(&mut self, first: usize) -> Outcome<()> {
        let deadline = Instant::now() + START;
        if first == 0 {
            self.push("etcd", self.config.etcd())?;
            self.wait_for_port("etcd", self.config.place.ports.etcd, deadline)?;
        }
        self.push("kube-apiserver", self.config.api_server())?;
        self.wait_until_ready(deadline)?;
        self.push("kube-controller-manager", self.config.controller_manager())
    }

    /// How it is reached.
    pub fn access(&self) -> &Access {
        &self.config.access
    }

    /// The log of the requests that its API server answered.
    pub fn audit_log(&self) -> PathBuf {
        self.config.audit_log()
    }

    /// Where its etcd keeps what the API server stores.
    pub fn etcd_dir(&self) -> PathBuf {
        self.config.etcd_dir()
    }

    /// The process ids, in the order of the start.
    pub fn pids(&self) -> Vec<u32> {
        self.parts.iter().map(Server::pid).collect()
    }

    /// Kills the API server, as a crash would, and starts it again at the same address; returns when it is ready.
    pub fn restart_api_server(&mut self) -> Outcome<()> {
        self.restart_from(1)
    }

    /// Kills the API server and etcd, as the loss of a node would, and starts them again with the same data.
    pub fn restart_all(&mut self) -> Outcome<()> {
        self.restart_from(0)
    }

    fn restart_from(&mut self, first: usize) -> Outcome<()> {
        if self.parts.len() < 2 {
            return Err(Failure::new("the control plane is not running"));
        }
        // The controller manager ends by itself when the API server goes during its start, so it starts again with it.
        for mut after in self.parts.drain(2..) {
            after.stop(STOP);
        }
        // What a killed server had written without a sync lies in the kernel's cache, which outlives it.
        for mut server in self.parts.drain(first..).rev() {
            server.kill();
        }
        self.start_from(first)
    }

    /// Stops the parts in reverse order.
    pub fn stop(&mut self) {
        while let Some(mut part) = self.parts.pop() {
            part.stop(STOP);
        }
    }

    fn push(&mut self, name: &str, command: std::process::Command) -> Outcome<()> {
        self.parts.push(start(name, command, &self.config.access.dir, self.life)?);
        Ok(())
    }

    fn wait_for_port(&mut self, name: &str, port: u16, deadline: Instant) -> Outcome<()> {
        while !self.parts.last().is_some_and(|part| listens(part.pid(), port)) {
            self.wait_a_little(name, deadline)?;
        }
        Ok(())
    }

    fn wait_until_ready(&mut self, deadline: Instant) -> Outcome<()> {
        self.wait_for_port("the API server", self.config.place.ports.api, deadline)?;
        while process::read(self.config.access.kubectl().args(["get", "--raw", "/readyz"])).is_err() {
            self.wait_a_little("the API server", deadline)?;
        }
        Ok(())
    }

    fn wait_a_little(&mut self, name: &str, deadline: Instant) -> Outcome<()> {
        for part in &mut self.parts {
            part.check_alive()?;
        }
        if Instant::now() > deadline {
            let logs = self.config.access.dir.display();
            return Err(Failure::new(format!(
                "{name} was not ready after {} s; its log is below {logs}",
                START.as_secs()
            )));
        }
        std::thread::sleep(LOOK);
        Ok(())
    }
}

/// Whether somebody listens on a TCP port in the network of process `pid`: that of a node cannot be asked from outside.
fn listens(pid: u32, port: u16) -> bool {
    let tables = ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    tables.into_iter().flatten().any(|table| holds_listener(&table, port))
}

/// Reads the kernel's table of sockets: `N: ADDRESS:PORT PEER:PORT STATE …`, in hexadecimal.
fn holds_listener(table: &str, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let ending = format!(":{port:04X}");
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(
        |words| matches!(words.as_slice(), [_, address, _, state, ..] if address.ends_with(&ending) && *state == LISTEN),
    )
}

fn start(name: &str, command: std::process::Command, dir: &Path, life: Life) -> Outcome<Server> {
    Server::start(name, command, &dir.join(format!("{name}.log")), life).during("the control plane")
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if self.life == Life::WithUs {
            self.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listener_is_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue\n   0: 0100007F:094B 00000000:0000 0A 00000000:00000000\n   1: 0100007F:1F90 0100007F:094B 01 00000000:00000000\n";
        assert!(holds_listener(table, 2379));
        assert!(!holds_listener(table, 8080), "it is connected and does not listen");
    }

    #[test]
    fn a_listener_of_our_own_is_seen() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        assert!(listens(std::process::id(), port));
    }
}
