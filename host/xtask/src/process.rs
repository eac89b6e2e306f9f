//! Running programs: their output in a log file, shown when they fail; servers that end with us.

use crate::failure::During;
use crate::progress::Progress;
use crate::{Failure, Outcome, layout};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// How much of a log is shown when its program failed.
const SHOWN_LINES: usize = 80;

/// A program that ended.
pub struct Ran {
    /// Whether it ended with 0.
    pub ok: bool,
    /// Both of its output streams.
    pub output: String,
    /// Where they lie.
    pub log: PathBuf,
}

/// Cargo, free of what an outer `cargo run` put into the environment: some build scripts would build again for it.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|p| text.starts_with(p))
        {
            command.env_remove(&name);
        }
    }
    command.current_dir(layout::root());
    command
}

/// Whether a program of that name can be started.
pub fn available(program: &str) -> bool {
    // `go --version` fails and `go version` does not; that it starts is enough.
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Runs `command` to its end without a line of progress. The log is `target/xtask/NAME.log`.
pub fn run_quietly(name: &str, command: &mut Command) -> Outcome<Ran> {
    let dir = layout::logs();
    std::fs::create_dir_all(&dir).during(dir.display())?;
    let log = dir.join(format!("{name}.log"));
    let file = File::create(&log).during(log.display())?;
    let other = file.try_clone().during(log.display())?;
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(other)
        .status()
        .during(format!("{program} could not be started"))?;
    let bytes = std::fs::read(&log).during(log.display())?;
    Ok(Ran { ok: status.success(), output: String::from_utf8_lossy(&bytes).into_owned(), log })
}

/// Runs `command` under a line of progress; a failure shows the end of the log.
pub fn run(name: &str, label: &str, command: &mut Command) -> Outcome<Ran> {
    let progress = Progress::start(label);
    let ran = run_quietly(name, command)?;
    if ran.ok {
        progress.done("");
    } else {
        progress.failed("");
        ran.show();
    }
    Ok(ran)
}

/// As [`run`], where there is no going on after a failure.
pub fn must_run(name: &str, label: &str, command: &mut Command) -> Outcome<Ran> {
    let ran = run(name, label, command)?;
    if ran.ok { Ok(ran) } else { Err(Failure::new(format!("{label} failed; see {}", ran.log.display()))) }
}

/// Runs `command` and returns what it printed on stdout; an error holds its stderr.
pub fn read(command: &mut Command) -> Outcome<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().during(format!("{program} could not be started"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let args: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{program} {} failed: {}", args.join(" "), said.trim())))
}

impl Ran {
    /// Prints the end of the log.
    pub fn show(&self) {
        eprintln!("{}", tail(&self.output, SHOWN_LINES));
        eprintln!("      the whole log: {}", self.log.display());
    }
}

/// The last `lines` lines of `text`.
pub fn tail(text: &str, lines: usize) -> String {
    let mut last = VecDeque::with_capacity(lines);
    for line in text.lines() {
        if last.len() == lines {
            last.pop_front();
        }
        last.push_back(line);
    }
    Vec::from(last).join("\n")
}

/// Whether a server ends with the program that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It is killed when we end, however that happens.
    WithUs,
    /// It stays until somebody stops it.
    Beyond,
}

/// A server that was started.
pub struct Server {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Server {
    /// Starts `command` with both output streams appended to `log`.
    pub fn start(name: &str, command: Command, log: &Path, life: Life) -> Outcome<Self> {
        let open = || File::options().create(true).append(true).open(log).during(log.display());
        let mut command = command;
        match life {
            Life::WithUs => command = dying_with_us(&command),
            // A group of its own, so that Ctrl-C in the terminal does not reach it.
            Life::Beyond => {
                command.process_group(0);
            }
        }
        command.stdin(Stdio::null()).stdout(open()?).stderr(open()?);
        let program = command.get_program().to_string_lossy().into_owned();
        let child = spawn_from_lasting_thread(command).during(format!("{name} could not be started by {program}"))?;
        Ok(Self { name: name.to_owned(), log: log.to_owned(), child })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Fails with the end of its log if it has ended.
    pub fn check_alive(&mut self) -> Outcome<()> {
        let Some(status) = self.child.try_wait().during(&self.name)? else {
            return Ok(());
        };
        let log = std::fs::read(&self.log).unwrap_or_default();
        let end = tail(&String::from_utf8_lossy(&log), 20);
        Err(Failure::new(format!("{} ended early ({status}); the end of {}:\n{end}", self.name, self.log.display())))
    }

    /// Asks it to end, waits up to `patience`, then kills it. Returns whether it ended when asked.
    pub fn stop(&mut self, patience: Duration) -> bool {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
        false
    }

    /// Kills it.
    pub fn kill(&mut self) {
        // A server that is gone already is what was wanted.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            // As in `kill`.
            let _gone = kill_process(pid, signal);
        }
    }
}

/// The same command, killed by the kernel when the thread that starts it ends. `setpriv` is part of util-linux; the
/// system call behind it cannot be made between fork and exec without `unsafe`.
fn dying_with_us(command: &Command) -> Command {
    let mut bound = Command::new("setpriv");
    bound.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        bound.current_dir(dir);
    }
    bound
}

type Spawned = std::io::Result<Child>;

/// Starts `command` from a thread that lives as long as the process: the kernel's "parent" is the thread that forked,
/// and the threads of tests come and go.
fn spawn_from_lasting_thread(command: Command) -> Spawned {
    static SPAWNER: OnceLock<Sender<(Command, Sender<Spawned>)>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, commands) = channel::<(Command, Sender<Spawned>)>();
        std::thread::spawn(move || {
            for (mut command, answer) in commands {
                // Who asked waits for the answer.
                let _heard = answer.send(command.spawn());
            }
        });
        sender
    });
    let gone = |_| std::io::Error::other("the thread that starts programs is gone");
    let (answer, spawned) = channel();
    spawner.send((command, answer)).map_err(|_| gone(()))?;
    spawned.recv().map_err(|_| gone(()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_its_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a\n", 2), "a");
    }

    #[test]
    fn a_server_that_ends_early_shows_its_log() {
        let log = std::env::temp_dir().join(format!("xtask-early-{}.log", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such flag >&2; exit 3"]);
        let mut server = Server::start("etcd", command, &log, Life::WithUs).expect("sh starts");
        server.child.wait().expect("it ends");
        let said = server.check_alive().expect_err("it has ended").to_string();
        assert!(said.contains("etcd ended early") && said.contains("no such flag"), "{said}");
        std::fs::remove_file(log).expect("the log was there");
    }

    #[test]
    fn a_server_ends_when_it_is_asked() {
        let log = std::env::temp_dir().join(format!("xtask-asked-{}.log", std::process::id()));
        let mut command = Command::new("sleep");
        command.arg("600");
        let mut server = Server::start("sleep", command, &log, Life::WithUs).expect("sleep starts");
        server.check_alive().expect("it runs");
        assert!(server.stop(Duration::from_secs(10)));
        std::fs::remove_file(log).expect("the log was there");
    }
}
