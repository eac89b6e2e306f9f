//! Ten thousand hostile calls, and what they leave in the process.

use crate::alone;
use crate::attempt::{Ending, prepare};
use crate::guest::rows;
use akv_plugin::Engine;
use std::time::Instant;

const CALLS: usize = 10_000;
/// A call that leaked one page of 4 KiB would grow the process by 40 MiB, one that leaked an instance by gigabytes. What
/// is allowed is what an allocator keeps of calls of different size that came in another order: 0.4 KiB a call.
const GROWTH: usize = 4 << 20;

/// Bytes of this process that are in memory.
pub(crate) fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux says what a process uses");
    let pages: usize = text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("the second number is the resident");
    pages * rustix::param::page_size()
}

#[test]
fn ten_thousand_hostile_calls_do_not_grow_the_process() {
    let _alone = alone();
    let engine = Engine::new().expect("the engine starts");
    // Those that take too long had their turn in the test of the rows.
    let rows: Vec<_> = rows().into_iter().filter(|row| !row.slow).collect();
    let prepared: Vec<_> = rows.iter().map(|row| (row, prepare(&engine, row).0)).collect();
    let round = || {
        for (row, prepared) in &prepared {
            let ending = prepared.attempt(&engine, row);
            assert!(!matches!(ending, Ending::Well), "{} did no harm", row.name);
        }
    };
    // Every kind of call has been made once, so that what is set up once is there.
    round();
    let (before, began) = (resident(), Instant::now());
    let rounds = CALLS.div_ceil(prepared.len());
    for _ in 0..rounds {
        round();
    }
    let (after, took) = (resident(), began.elapsed());
    println!(
        "{} calls of {} hostile plugins in {:.1} s: {} KiB before, {} KiB after",
        rounds * prepared.len(),
        prepared.len(),
        took.as_secs_f32(),
        before >> 10,
        after >> 10
    );
    assert!(after < before + GROWTH, "the process grew from {before} to {after} bytes");
}
