//! `cargo xtask cluster up | down | status`: a control plane that stays, for a person.

use super::node::record;
use super::{Access, ControlPlane, Node, provision};
use crate::failure::During;
use crate::process::Life;
use crate::progress::Progress;
use crate::setup::cluster_binary;
use crate::setup::static_program::{self, Arch, INJECTOR};
use crate::{Failure, Outcome, layout, setup};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The API server ends its watches first.
const PATIENCE: Duration = Duration::from_secs(15);

/// What to do with the control plane in `target/cluster`.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum ClusterCommand {
    /// Start one, with the CRDs and the product's roles, and leave it running
    Up {
        /// With a node, on which pods run; needs root
        #[arg(long)]
        node: bool,
    },
    /// Stop it and throw its data away
    Down,
    /// Say whether one is running; exit code 1 if not
    Status,
}

impl ClusterCommand {
    /// Carries it out.
    pub fn run(self) -> Outcome<()> {
        let dir = layout::target().join("cluster");
        match self {
            Self::Up { node } => up(&dir, node),
            Self::Down => down(&dir),
            Self::Status => status(&dir),
        }
    }
}

fn up(dir: &Path, with_node: bool) -> Outcome<()> {
    if !running(dir).is_empty() {
        println!("a control plane is running already");
        return say_how_to_use(dir);
    }
    if with_node {
        setup::node::ensure()?;
    }
    let binary = cluster_binary::ensure()?;
    let probe = with_node.then(|| static_program::build("akv-probe", "probe", Arch::native(), INJECTOR)).transpose()?;
    if dir.exists() {
        std::fs::remove_dir_all(dir).during(dir.display())?;
    }
    let progress =
        Progress::start(if with_node { "control plane and node" } else { "etcd, API server, controller manager" });
    let (mut plane, node) = match probe {
        Some(probe) => Node::start(&binary, dir, &probe, Life::Beyond).map(|(plane, node)| (plane, Some(node)))?,
        None => (ControlPlane::start(&binary, dir, Life::Beyond)?, None),
    };
    let pids = plane.pids().into_iter().chain(node.iter().flat_map(Node::pids));
    let pids: Vec<_> = pids.map(|pid| pid.to_string()).collect();
    std::fs::write(pid_file(dir), pids.join("\n")).during(pid_file(dir).display())?;
    if let Err(failure) = provision::provision(plane.access()).and_then(|()| write_kubectl(&binary, plane.access())) {
        plane.stop();
        end_node(dir)?;
        return Err(failure);
    }
    progress.done(&node.map(|node| node.times()).unwrap_or_default());
    say_how_to_use(dir)
}

/// Ends the node that was started for this folder, if there is one.
fn end_node(dir: &Path) -> Outcome<()> {
    match record::running() {
        Some(record) if dir.canonicalize().is_ok_and(|dir| dir == record.dir) => record::end(),
        _ => Ok(()),
    }
}

/// A `kubectl` of the same version, that needs no setting.
fn write_kubectl(binary: &Path, access: &Access) -> Outcome<()> {
    let script = access.dir.join("kubectl");
    let (binary, admin) = (binary.display(), access.kubeconfig("admin"));
    let text = format!(
        "#!/bin/sh\nexport KUBECONFIG=\"${{KUBECONFIG:-{}}}\"\nexec '{binary}' kubectl \"$@\"\n",
        admin.display()
    );
    std::fs::write(&script, text).during(script.display())?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).during(script.display())
}

fn say_how_to_use(dir: &Path) -> Outcome<()> {
    println!("kubeconfig   {}", dir.join("admin.kubeconfig").display());
    println!("             {}  (as the controller's role)", dir.join("controller.kubeconfig").display());
    println!("kubectl      {}", dir.join("kubectl").display());
    println!("logs         {}/*.log", dir.display());
    println!("stop it      cargo xtask cluster down");
    Ok(())
}

fn down(dir: &Path) -> Outcome<()> {
    let pids = running(dir);
    if pids.is_empty() {
        println!("no control plane is running");
    }
    for pid in pids.iter().rev() {
        stop(*pid, dir)?;
    }
    end_node(dir)?;
    if dir.exists() {
        std::fs::remove_dir_all(dir).during(dir.display())?;
    }
    Ok(())
}

fn status(dir: &Path) -> Outcome<()> {
    match running(dir).as_slice() {
        [] => Err(Failure::new("no control plane is running; `cargo xtask cluster up` starts one")),
        pids => {
            println!("running, processes {}", pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" "));
            say_how_to_use(dir)
        }
    }
}

fn pid_file(dir: &Path) -> PathBuf {
    dir.join("pids")
}

/// The recorded processes that still run and are ours: after a reboot another program may have the number.
fn running(dir: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(pid_file(dir)).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).filter(|pid| runs(*pid, dir)).collect()
}

/// Whether the process runs and names our folder in its command line; that of a zombie is empty.
fn runs(pid: u32, dir: &Path) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&command).contains(&dir.display().to_string())
}

fn stop(number: u32, dir: &Path) -> Outcome<()> {
    let Some(pid) = i32::try_from(number).ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    // It may have ended since it was looked at.
    let _gone = kill_process(pid, Signal::TERM);
    let deadline = Instant::now() + PATIENCE;
    while runs(number, dir) {
        if Instant::now() > deadline {
            return kill_process(pid, Signal::KILL).during(format!("process {number}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
