//! One line that says what is being done and for how long; plain lines where nobody watches a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a watched line is drawn again.
const REDRAW: Duration = Duration::from_millis(200);
/// How often a plain log hears that something still runs: often enough for a person, seldom enough for a log.
const REMIND: Duration = Duration::from_secs(15);

/// Something that runs. The line ends with [`Progress::done`] or [`Progress::failed`].
pub struct Progress {
    label: String,
    started: Instant,
    stop: Sender<()>,
    drawer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins a line.
    pub fn start(label: impl Into<String>) -> Self {
        let label = label.into();
        let started = Instant::now();
        let (stop, stopped) = channel();
        let terminal = stderr().is_terminal();
        if !terminal {
            eprintln!("      {label} …");
        }
        let shown = label.clone();
        let drawer = std::thread::spawn(move || {
            let pause = if terminal { REDRAW } else { REMIND };
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let elapsed = seconds(started.elapsed());
                if terminal {
                    eprint!("\r\x1b[2K      {shown} … {elapsed}");
                    // A terminal that cannot be written to shows no progress; the work goes on.
                    let _shown = stderr().flush();
                } else {
                    eprintln!("      {shown} … {elapsed}");
                }
            }
            if terminal {
                eprint!("\r\x1b[2K");
            }
        });
        Self { label, started, stop, drawer: Some(drawer) }
    }

    /// Ends the line well; `detail` may be empty. Returns the time that it took.
    pub fn done(self, detail: &str) -> Duration {
        self.end("ok   ", detail)
    }

    /// Ends the line badly.
    pub fn failed(self, detail: &str) -> Duration {
        self.end("FAIL ", detail)
    }

    fn end(mut self, mark: &str, detail: &str) -> Duration {
        let elapsed = self.started.elapsed();
        self.stop_drawing();
        let dash = if detail.is_empty() { "" } else { ": " };
        eprintln!("{mark} {}{dash}{detail} ({})", self.label, seconds(elapsed));
        elapsed
    }

    fn stop_drawing(&mut self) {
        // The drawer only ends by this message, so it is there to hear it.
        let _heard = self.stop.send(());
        if let Some(drawer) = self.drawer.take() {
            let _ended = drawer.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop_drawing();
    }
}

/// A duration for people: `0.4 s`, `12 s`, `3 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{whole} s"),
        _ => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_for_people() {
        let check = |millis, expected: &str| assert_eq!(seconds(Duration::from_millis(millis)), expected);
        check(420, "0.4 s");
        check(12_700, "12 s");
        check(185_000, "3 min 05 s");
    }
}
