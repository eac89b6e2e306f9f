//! Which deletions are being worked on.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Deletions that are worked on at the same time: a namespace may lose a thousand resources at once.
const AT_ONCE: usize = 4;

/// Namespace and name of a resource.
pub type Place = (String, String);

/// The deletions that are not done yet.
#[derive(Debug)]
pub struct Leaving {
    places: Mutex<HashSet<Place>>,
    turns: Semaphore,
}

impl Default for Leaving {
    fn default() -> Self {
        Self { places: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Leaving {
    /// Whether nobody has begun with this one yet.
    pub fn begin(&self, place: &Place) -> bool {
        self.places().insert(place.clone())
    }

    /// It is done.
    pub fn end(&self, place: &Place) {
        self.places().remove(place);
    }

    /// Waits until there are few enough; `None` only at the end of the process.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    fn places(&self) -> MutexGuard<'_, HashSet<Place>> {
        // Each change is one insert or remove, so the set is whole even if a holder panicked.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
