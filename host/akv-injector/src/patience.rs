//! Trying again, until a deadline.

use std::time::{Duration, Instant};

/// A container that cannot start is started again by the kubelet with growing pauses; before that this is worth trying.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// Between the first two tries; it doubles up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// What is left of the time.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    end: Instant,
    tries: u32,
}

impl Patience {
    /// All of it.
    pub fn new() -> Self {
        Self { end: Instant::now() + DEADLINE, tries: 0 }
    }

    /// The same end for something else that is tried.
    pub fn afresh(self) -> Self {
        Self { tries: 0, ..self }
    }

    /// The result of `work`, or nothing if the deadline comes first.
    pub async fn within<T>(self, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.end.into(), work).await.ok()
    }

    /// Whether the deadline has come.
    pub fn is_over(self) -> bool {
        Instant::now() >= self.end
    }

    /// How often it was tried in vain.
    pub fn tries(self) -> u32 {
        self.tries
    }

    /// Waits for what the service asked for, or a growing while. `false` if the deadline comes first.
    pub async fn wait(&mut self, asked: Option<Duration>) -> bool {
        let growing = SHORTEST.saturating_mul(2_u32.saturating_pow(self.tries)).min(LONGEST);
        // A herd that was told the same time would come back as one.
        let jitter = Duration::from_millis(u64::from(std::process::id() % 200));
        let pause = asked.unwrap_or(growing) + jitter;
        self.tries += 1;
        if Instant::now() + pause >= self.end {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}
