//! Which node this machine has: one at a time, known to every checkout; and the removal of one that was left behind.

use super::{cgroups, network};
use crate::failure::During;
use crate::progress::Progress;
use crate::{Failure, Outcome};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Gone after a reboot, as the node is.
pub const RECORD: &str = "/run/akv2k8s-node.json";
/// A word on the command line of the first process of a node.
pub const MARK: &str = "akv2k8s-node";
const LOCK: &str = "/run/akv2k8s-node.lock";
/// The kernel takes a moment to take a network apart.
const GONE: Duration = Duration::from_secs(30);

/// A node that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The first process of its namespaces.
    pub pid: u32,
    /// Whether it is a person's, who ends it when he likes, and not that of a run of tests.
    pub stays: bool,
    /// Where its files are.
    pub dir: PathBuf,
}

/// Waits until nobody else starts, uses or removes a node; the file's end is the lock's.
pub fn lock() -> Outcome<File> {
    let file = File::options().create(true).append(true).open(LOCK).during(LOCK)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let progress = Progress::start("waiting for another run, which has this machine's node");
            file.lock().during(LOCK)?;
            progress.done("");
        }
        Err(TryLockError::Error(error)) => return Err(error).during(LOCK),
    }
    Ok(file)
}

/// Notes a node that was started.
pub fn write(record: &Record) -> Outcome<()> {
    std::fs::write(RECORD, serde_json::to_string(record).during(RECORD)?).during(RECORD)
}

/// The node that was started last, if nothing has removed it.
fn read() -> Option<Record> {
    serde_json::from_slice(&std::fs::read(RECORD).ok()?).ok()
}

/// The node that runs, if one does.
pub fn running() -> Option<Record> {
    read().filter(|record| is_init(record.pid))
}

/// Whether the process is the first of a node's namespaces: another program may have the number by now.
fn is_init(pid: u32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command.split(|byte| *byte == 0).any(|word| word == MARK.as_bytes())
}

/// Removes what a run of tests left behind. Only for who holds the lock.
pub fn sweep() -> Outcome<()> {
    match running() {
        Some(Record { stays: true, dir, .. }) => Err(Failure::new(format!(
            "this machine's node is in use, by {}; `cargo xtask cluster down` there ends it",
            dir.display()
        ))),
        _ => end(),
    }
}

/// Ends the node, if one runs, and removes what it leaves.
pub fn end() -> Outcome<()> {
    let (recorded, deadline) = (read(), Instant::now() + GONE);
    if let Some(record) = running() {
        if let Some(pid) = i32::try_from(record.pid).ok().and_then(Pid::from_raw) {
            // It may end by itself meanwhile.
            let _gone = kill_process(pid, Signal::KILL);
        }
        until(deadline, "the node's processes", || !is_init(record.pid))?;
    }
    // The machine's end of the wire goes with the node's network.
    until(deadline, network::WIRE, || !network::wire_exists())?;
    for dir in recorded.iter().map(|record| record.dir.as_path()) {
        for group in cgroups::of_containers(dir) {
            until(deadline, &group.display().to_string(), || cgroups::remove(&group))?;
        }
    }
    cgroups::remove_parents();
    match std::fs::remove_file(RECORD) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).during(RECORD),
        _ => Ok(()),
    }
}

/// What a run of tests has left on the machine, once it had time to go: nothing, if all is well.
pub fn left_behind() -> Outcome<Vec<String>> {
    // Whoever runs tests of a node meanwhile is not to be taken for a remainder.
    let _lock = lock()?;
    let deadline = Instant::now() + GONE;
    loop {
        let found = remains();
        if found.is_empty() || Instant::now() > deadline {
            sweep()?;
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn remains() -> Vec<String> {
    let runs = crate::layout::target().join("e2e");
    let named = |text: &str| text.contains(MARK) || text.contains(&*runs.to_string_lossy());
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter(|line| named(line)).map(|line| format!("mount {line}"));
    let groups = crate::layout::folders(&runs).into_iter().flat_map(|run| cgroups::of_containers(&run));
    let processes = crate::layout::folders(Path::new("/proc")).into_iter().filter(|process| {
        let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
        named(&String::from_utf8_lossy(&command))
    });
    let files = [PathBuf::from(RECORD)].into_iter().filter(|file| file.exists());
    let link = network::wire_exists().then(|| format!("link {}", network::WIRE));
    let paths = groups.chain(processes).chain(files).map(|path| path.display().to_string());
    mounts.chain(paths).chain(link).collect()
}

fn until(deadline: Instant, what: &str, mut gone: impl FnMut() -> bool) -> Outcome<()> {
    while !gone() {
        if Instant::now() > deadline {
            return Err(Failure::new(format!("{what}: still there {} s after the node was ended", GONE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
