//! Rate limits of the auth service: a token bucket for each pod and one for each namespace.

use std::collections::HashMap;

/// A bucket's size and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Requests at once.
    pub burst: f64,
    /// Requests a second.
    pub rate: f64,
}

/// The buckets. Time is Unix seconds with a fraction, given by the caller.
#[derive(Debug)]
pub struct Limits {
    pod: Limit,
    namespace: Limit,
    buckets: HashMap<String, Bucket>,
    /// The starts of containers that were answered once.
    answered: HashMap<String, f64>,
    swept: f64,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: f64,
}

/// Buckets and starts are forgotten after so many seconds; every bucket is full again by then.
const KEEP: f64 = 600.0;

impl Limits {
    /// Empty ones.
    pub fn new(pod: Limit, namespace: Limit) -> Self {
        Self { pod, namespace, buckets: HashMap::new(), answered: HashMap::new(), swept: 0.0 }
    }

    /// Takes one request of `pod`, an identity without its container, for the `start` of a container.
    ///
    /// # Errors
    /// Seconds to wait. The first answer of a start is never refused.
    pub fn take(&mut self, namespace: &str, pod: &str, start: &str, now: f64) -> Result<(), u64> {
        self.sweep(now);
        if !self.answered.contains_key(start) {
            self.answered.insert(start.to_owned(), now);
            return Ok(());
        }
        let (of_pod, of_namespace) = (format!("pod {pod}"), format!("namespace {namespace}"));
        let wait = self.wait(&of_pod, self.pod, now).max(self.wait(&of_namespace, self.namespace, now));
        if wait > 0.0 {
            return Err(wait.ceil() as u64);
        }
        for (key, limit) in [(of_pod, self.pod), (of_namespace, self.namespace)] {
            let left = self.left(&key, limit, now) - 1.0;
            self.buckets.insert(key, Bucket { left, at: now });
        }
        Ok(())
    }

    fn left(&self, key: &str, limit: Limit, now: f64) -> f64 {
        let Some(bucket) = self.buckets.get(key) else {
            return limit.burst;
        };
        (bucket.left + (now - bucket.at).max(0.0) * limit.rate).min(limit.burst)
    }

    fn wait(&self, key: &str, limit: Limit, now: f64) -> f64 {
        ((1.0 - self.left(key, limit, now)) / limit.rate).max(0.0)
    }

    fn sweep(&mut self, now: f64) {
        if now - self.swept > KEEP {
            self.swept = now;
            self.buckets.retain(|_, bucket| now - bucket.at < KEEP);
            self.answered.retain(|_, at| now - *at < KEEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::new(Limit { burst: 2.0, rate: 1.0 }, Limit { burst: 3.0, rate: 10.0 })
    }

    #[test]
    fn the_first_answer_of_every_start_is_free() {
        let mut limits = limits();
        for start in 0..1000 {
            assert_eq!(limits.take("shop", "shop/web", &format!("start {start}"), 0.0), Ok(()));
        }
    }

    #[test]
    fn more_are_limited_for_the_pod_and_for_its_namespace() {
        let mut limits = limits();
        let mut take = |pod: &str, now: f64| limits.take("shop", pod, pod, now);
        assert_eq!([take("a", 0.0), take("a", 0.0), take("a", 0.0), take("a", 0.0)], [Ok(()), Ok(()), Ok(()), Err(1)]);
        assert_eq!([take("a", 1.0), take("a", 1.0)], [Ok(()), Err(1)]);
        // The namespace's bucket has two left; the second pod takes them.
        assert_eq!([take("b", 1.0), take("b", 1.0), take("b", 1.0), take("b", 1.0)], [Ok(()), Ok(()), Ok(()), Err(1)]);
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let mut limits = limits();
        for pod in 0..100 {
            let _free = limits.take("shop", &format!("{pod}"), &format!("{pod}"), 0.0);
            let _taken = limits.take("shop", &format!("{pod}"), &format!("{pod}"), 0.0);
        }
        let _free = limits.take("shop", "x", "x", 10_000.0);
        assert!(limits.buckets.is_empty() && limits.answered.len() == 1);
    }
}
