//! The node's own namespaces of processes, mounts and network: what happens in them stays there, and ends with them.

use super::network;
use super::record::{self, Record};
use crate::failure::During;
use crate::process::Life;
use crate::{Failure, Outcome};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const INIT: &str = include_str!("init.sh");
/// It kills, and removes cgroups.
const STOP: Duration = Duration::from_secs(30);

/// Namespaces that live as long as this value, or with [`Life::Beyond`] until [`record::sweep`] ends them.
pub struct Namespaces {
    init: Child,
    pid: u32,
    life: Life,
    /// Held as long as the node may not be touched by others.
    _lock: File,
}

impl Namespaces {
    /// Makes them, with a network that is reached from the machine. Waits while another run has the node.
    pub fn create(dir: &Path, life: Life) -> Outcome<Self> {
        let lock = record::lock()?;
        record::sweep()?;
        network::check_free()?;
        let dir = dir.canonicalize().during(dir.display())?;
        let log = dir.join("init.log");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "--"]);
        command.args(["sh", "-c", INIT, record::MARK]).arg(&dir);
        command.arg(if life == Life::Beyond { "stay" } else { "with-us" }).arg(record::RECORD);
        // A group of its own, so that Ctrl-C in the terminal does not reach it: it cleans up.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(&log).during(log.display())?);
        let mut init = command.spawn().during("unshare could not be started")?;
        let said = init.stdout.take().map(|out| BufReader::new(out).lines().next());
        let pid = said.flatten().and_then(Result::ok).and_then(|line| line.parse().ok());
        let Some(pid) = pid else {
            let _ended = init.wait();
            let why = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(Failure::new(format!("the node's namespaces could not be made: {}", why.trim())));
        };
        let made = Self { init, pid, life, _lock: lock };
        let record = Record { pid, stays: life == Life::Beyond, dir };
        if let Err(failure) = record::write(&record).and_then(|()| network::make(&made)) {
            record::end()?;
            return Err(failure);
        }
        Ok(made)
    }

    /// The first process in them, by its number outside.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How a command line begins that runs in them. What it starts is killed with the process that waits for it outside.
    pub fn enter(&self) -> Vec<OsString> {
        let pid = self.pid.to_string();
        let words = ["nsenter", "--target", &pid, "--mount", "--net", "--pid", "--ipc", "--uts", "--"];
        words.iter().chain(&["setpriv", "--pdeathsig", "KILL", "--"]).map(OsString::from).collect()
    }

    /// A command that runs in them.
    pub fn command(&self, program: &str) -> Command {
        let enter = self.enter();
        let mut command = Command::new(&enter[0]);
        command.args(&enter[1..]).arg(program);
        command
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        if self.life == Life::Beyond {
            return;
        }
        drop(self.init.stdin.take());
        let deadline = Instant::now() + STOP;
        while matches!(self.init.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        // What is left then, the sweep reports.
        let _gone = self.init.kill();
        let _reaped = self.init.wait();
        if let Err(failure) = record::sweep() {
            eprintln!("{failure}");
        }
    }
}
