//! Where the time of a start goes: `--log-level=debug` prints it, and nothing but times and sizes.

use rustix::time::{ClockId, clock_gettime};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What was passed so far.
struct Passed {
    last: (Instant, Duration),
    stages: Vec<(&'static str, Duration, Duration)>,
}

static PASSED: Mutex<Option<Passed>> = Mutex::new(None);

/// CPU time of every thread of this process, since it was forked.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap_or(0))
}

/// Begins: what was used before is the stage `start`, whose wall time nobody here can know.
pub fn begin() {
    let used = cpu();
    let passed = Passed { last: (Instant::now(), used), stages: vec![("start", used, used)] };
    *PASSED.lock().unwrap_or_else(|e| e.into_inner()) = Some(passed);
}

/// Whether anybody asked for the times.
pub fn asked() -> bool {
    PASSED.lock().unwrap_or_else(|e| e.into_inner()).is_some()
}

/// What was done since the last call was of this stage. Nothing if nobody asked.
pub fn passed(stage: &'static str) {
    if let Some(passed) = PASSED.lock().unwrap_or_else(|e| e.into_inner()).as_mut() {
        let now = (Instant::now(), cpu());
        let (wall, used) = (now.0 - passed.last.0, now.1.saturating_sub(passed.last.1));
        match passed.stages.iter_mut().find(|(name, ..)| *name == stage) {
            Some(known) => *known = (stage, known.1 + wall, known.2 + used),
            None => passed.stages.push((stage, wall, used)),
        }
        passed.last = now;
    }
}

/// One line of JSON on stderr: per stage its wall and CPU time in microseconds, and the peak of the memory in KiB.
pub fn report() {
    if let Some(passed) = PASSED.lock().unwrap_or_else(|e| e.into_inner()).take() {
        let stage = |(name, wall, used): &(&str, Duration, Duration)| serde_json::json!({"stage": name, "wall": wall.as_micros(), "cpu": used.as_micros()});
        let stages: Vec<_> = passed.stages.iter().map(stage).collect();
        let cpu: Duration = passed.stages.iter().map(|(.., used)| *used).sum();
        eprintln!(
            "{}",
            serde_json::json!({"level": "debug", "cpu": cpu.as_micros(), "peak": peak(), "stages": stages})
        );
    }
}

/// `VmHWM`: of this image alone, as it begins with `execve`.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
