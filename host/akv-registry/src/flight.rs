//! One look-up for all who ask the same at the same time, and its answer for those who come later.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};

use crate::cache::Cache;
use crate::fault::Fault;

type Landing<V> = Shared<BoxFuture<'static, Result<V, Fault>>>;

/// The look-ups under way and the answers that were kept.
pub(crate) struct Flights<K, V>(Arc<Mutex<State<K, V>>>);

struct State<K, V> {
    running: HashMap<K, Landing<V>>,
    kept: Cache<K, V>,
}

/// Whether a kept answer may be used, and how long a new one may be kept.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    pub(crate) kept: bool,
    pub(crate) keep: Duration,
}

impl<K, V> Flights<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { running: HashMap::new(), kept: Cache::new() })))
    }

    /// The kept answer, the answer of a look-up under way, or that of a new one. A look-up goes on when the one who
    /// started it no longer waits; it must end by itself.
    pub(crate) async fn ask<F>(&self, key: K, usage: Use, weigh: fn(&V) -> usize, look_up: F) -> Result<V, Fault>
    where
        F: Future<Output = Result<V, Fault>> + Send + 'static,
    {
        let landing = {
            let mut state = lock(&self.0);
            if usage.kept
                && let Some(kept) = state.kept.get(&key, Instant::now())
            {
                return Ok(kept);
            }
            let state = &mut *state;
            state.running.entry(key.clone()).or_insert_with(|| self.start(key, usage.keep, weigh, look_up)).clone()
        };
        landing.await
    }

    fn start<F>(&self, key: K, keep: Duration, weigh: fn(&V) -> usize, look_up: F) -> Landing<V>
    where
        F: Future<Output = Result<V, Fault>> + Send + 'static,
    {
        let end = End { state: self.0.clone(), key };
        let task = tokio::spawn(async move {
            let found = look_up.await;
            if let Ok(value) = &found {
                lock(&end.state).kept.put(end.key.clone(), value.clone(), weigh(value), Instant::now(), keep);
            }
            drop(end);
            found
        });
        task.map(|joined| joined.unwrap_or(Err(Fault::Ended))).boxed().shared()
    }
}

/// Ends a look-up however it ends. Its answer is kept before, so nobody finds neither.
struct End<K: Hash + Eq, V> {
    state: Arc<Mutex<State<K, V>>>,
    key: K,
}

impl<K: Hash + Eq, V> Drop for End<K, V> {
    fn drop(&mut self) {
        lock(&self.state).running.remove(&self.key);
    }
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn all_who_ask_at_once_share_one_look_up_and_its_fault() {
        let flights = Arc::new(Flights::<&str, usize>::new());
        let count = Arc::new(AtomicUsize::new(0));
        for (key, answer) in [("good", Ok(7)), ("bad", Err(Fault::Ended))] {
            count.store(0, Ordering::SeqCst);
            let callers = (0..100).map(|_| {
                let (flights, count, answer) = (flights.clone(), count.clone(), answer.clone());
                async move {
                    let look_up = async move {
                        count.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        answer
                    };
                    flights.ask(key, Use { kept: false, keep: HOUR }, |_| 1, look_up).await
                }
            });
            let answers = futures::future::join_all(callers).await;
            assert!(answers.iter().all(|found| *found == answer), "{answers:?}");
            assert_eq!(count.load(Ordering::SeqCst), 1, "{key}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_kept_and_a_fault_is_not() {
        let flights = Flights::<&str, usize>::new();
        let ask = async |kept, answer| flights.ask("a", Use { kept, keep: HOUR }, |_| 1, async move { answer }).await;
        assert_eq!(ask(true, Err(Fault::Ended)).await, Err(Fault::Ended));
        assert_eq!(ask(true, Ok(1)).await, Ok(1));
        assert_eq!(ask(true, Ok(2)).await, Ok(1));
        assert_eq!(ask(false, Ok(3)).await, Ok(3));
        assert_eq!(ask(true, Ok(4)).await, Ok(3));
    }

    #[tokio::test]
    async fn a_look_up_that_dies_is_a_fault_and_blocks_nobody() {
        let flights = Flights::<&str, usize>::new();
        let usage = Use { kept: true, keep: HOUR };
        let died = flights.ask("a", usage, |_| 1, async { std::panic::resume_unwind(Box::new("over")) }).await;
        assert_eq!(died, Err(Fault::Ended));
        assert_eq!(flights.ask("a", usage, |_| 1, async { Ok(1) }).await, Ok(1));
    }
}
