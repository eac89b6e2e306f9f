//! What the executable says of a start with `--log-level=debug`.

use crate::report::median;
use serde::Deserialize;

/// One stage; times in microseconds.
#[derive(Debug, Clone, Deserialize)]
pub struct Stage {
    /// Its name.
    pub stage: String,
    /// By the clock.
    pub wall: f64,
    /// Of every thread.
    pub cpu: f64,
}

/// One start.
#[derive(Debug, Clone, Deserialize)]
pub struct Start {
    /// CPU before `execve`, in microseconds.
    pub cpu: f64,
    /// `VmHWM` before `execve`, in KiB.
    pub peak: f64,
    /// In the order in which they began.
    pub stages: Vec<Stage>,
}

impl Start {
    /// The line among what a container wrote to stderr.
    pub fn parse(stderr: &[u8]) -> Option<Self> {
        String::from_utf8_lossy(stderr).lines().find_map(|line| serde_json::from_str(line).ok())
    }
}

/// The median of the CPU of several starts, in milliseconds.
pub fn cpu(starts: &[Start]) -> f64 {
    median(starts.iter().map(|start| start.cpu / 1e3).collect())
}

/// The largest peak, in MiB.
pub fn peak(starts: &[Start]) -> f64 {
    starts.iter().map(|start| start.peak / 1024.0).fold(0.0, f64::max)
}

/// The medians of each stage, in a line.
pub fn shares(starts: &[Start]) -> String {
    let names = starts.first().map(|start| start.stages.iter().map(|s| s.stage.clone()).collect::<Vec<_>>());
    let of = |name: &str, pick: fn(&Stage) -> f64| {
        median(starts.iter().flat_map(|s| s.stages.iter().filter(|s| s.stage == name)).map(pick).collect()) / 1e3
    };
    let share =
        |name: String| format!("{name} {:.1} ms CPU, {:.1} ms wall", of(&name, |s| s.cpu), of(&name, |s| s.wall));
    names.unwrap_or_default().into_iter().map(share).collect::<Vec<_>>().join("; ")
}
