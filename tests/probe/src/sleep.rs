//! Waiting for the end. The first process of a container gets no signal that it has not asked for.

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

/// Asks another process to end.
pub fn end(pid: i32) -> Result<(), Box<dyn std::error::Error>> {
    let pid = Pid::from_raw(pid).ok_or("no process has this number")?;
    Ok(kill_process(pid, Signal::TERM)?)
}

/// Returns at SIGTERM or SIGINT; prints `signal NAME` for each signal that comes.
pub fn until_told() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let mut hup = signal(SignalKind::hangup())?;
        let mut usr1 = signal(SignalKind::user_defined1())?;
        let mut usr2 = signal(SignalKind::user_defined2())?;
        let mut winch = signal(SignalKind::window_change())?;
        loop {
            let name = tokio::select! {
                _ = term.recv() => "SIGTERM",
                _ = int.recv() => "SIGINT",
                _ = hup.recv() => "SIGHUP",
                _ = usr1.recv() => "SIGUSR1",
                _ = usr2.recv() => "SIGUSR2",
                _ = winch.recv() => "SIGWINCH",
            };
            println!("signal {name}");
            if matches!(name, "SIGTERM" | "SIGINT") {
                return Ok(());
            }
        }
    })
}
