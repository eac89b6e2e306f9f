//! Waiting for something that happens elsewhere.

use std::panic::Location;
use std::time::{Duration, Instant};
use xtask::Failure;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Looks until `look` finds something, and panics at the caller's line, naming `what`, when `patience` is over.
#[track_caller]
pub fn wait_for<T, L, F>(what: &str, patience: Duration, look: L) -> impl Future<Output = T>
where
    L: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    let (caller, waiting) = (Location::caller(), try_wait_for(what, patience, look));
    async move { waiting.await.unwrap_or_else(|failure| panic!("{caller}: {failure}")) }
}

/// Looks until `look` finds something; the failure names `what`.
pub fn try_wait_for<T, L, F>(what: &str, patience: Duration, mut look: L) -> impl Future<Output = Result<T, Failure>>
where
    L: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    let what = what.to_owned();
    async move {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = look().await {
                return Ok(found);
            }
            if Instant::now() > deadline {
                return Err(Failure::new(format!("waited {} s in vain for {what}", patience.as_secs_f32())));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
