//! What a process uses, by the kernel's account.

use rustix::param::clock_ticks_per_second;
use std::time::Duration;

/// Mebibytes that it has in memory now, from `/proc/PID/status`.
pub fn rss(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// The time that all cores have spent on it so far, from `/proc/PID/stat`.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is the program's name, in brackets; the 14th and 15th are the times in user and system mode.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64)
}

/// How much of a core was used, in thousandths.
pub fn cores(used: Duration, within: Duration) -> f64 {
    used.as_secs_f64() / within.as_secs_f64() * 1e3
}

/// The time that all cores have been busy so far, whatever with, from `/proc/stat`.
pub fn busy() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<u64> = stat
        .lines()
        .next()
        .into_iter()
        .flat_map(str::split_whitespace)
        .filter_map(|field| field.parse().ok())
        .collect();
    // User, nice, system, idle, waiting for disks, interrupts; the rest is of guests, or is somebody else's.
    let ticks: u64 =
        fields.iter().enumerate().filter(|(n, _)| ![3, 4].contains(n) && *n < 7).map(|(_, ticks)| ticks).sum();
    Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64)
}
