//! A store that forgets: by time, and the oldest first when it is full.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// At most this many entries.
const MOST: usize = 2048;
/// At most this many bytes, as the weights say them: images and their commands are chosen by users.
const HEAVIEST: usize = 8 << 20;

/// Time is a parameter, here and everywhere below.
pub(crate) struct Cache<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// The order of arrival.
    order: BTreeMap<u64, K>,
    next: u64,
    weight: usize,
}

struct Entry<V> {
    value: V,
    until: Instant,
    weight: usize,
    number: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new() -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), next: 0, weight: 0 }
    }

    pub(crate) fn get(&self, key: &K, now: Instant) -> Option<V> {
        self.entries.get(key).filter(|entry| now < entry.until).map(|entry| entry.value.clone())
    }

    /// Keeps a value for a time. What is heavier than the whole store is not kept.
    pub(crate) fn put(&mut self, key: K, value: V, weight: usize, now: Instant, keep: Duration) {
        self.remove(&key);
        let number = self.next;
        self.next += 1;
        self.weight += weight;
        self.order.insert(number, key.clone());
        self.entries.insert(key, Entry { value, until: now + keep, weight, number });
        while self.entries.len() > MOST || self.weight > HEAVIEST {
            let Some((_, oldest)) = self.order.pop_first() else { return };
            self.remove(&oldest);
        }
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.weight -= entry.weight;
            self.order.remove(&entry.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_ends_with_its_time() {
        let (mut cache, now, keep) = (Cache::new(), Instant::now(), Duration::from_secs(60));
        cache.put("a", 1, 1, now, keep);
        assert_eq!(cache.get(&"a", now + Duration::from_secs(59)), Some(1));
        assert_eq!(cache.get(&"a", now + keep), None);
        cache.put("a", 2, 1, now + keep, keep);
        assert_eq!(cache.get(&"a", now + keep), Some(2));
        cache.remove(&"a");
        assert_eq!(cache.get(&"a", now), None);
    }

    #[test]
    fn a_full_store_forgets_the_oldest() {
        let (mut cache, now, keep) = (Cache::new(), Instant::now(), Duration::from_secs(60));
        for number in 0..=MOST {
            cache.put(number, (), 1, now, keep);
        }
        assert_eq!((cache.get(&0, now), cache.get(&1, now), cache.entries.len()), (None, Some(()), MOST));
        cache.put(MOST + 1, (), HEAVIEST - 1, now, keep);
        assert_eq!((cache.entries.len(), cache.weight), (2, HEAVIEST));
        cache.put(MOST + 2, (), HEAVIEST + 1, now, keep);
        assert_eq!((cache.entries.len(), cache.order.len(), cache.weight), (0, 0, 0));
    }
}
