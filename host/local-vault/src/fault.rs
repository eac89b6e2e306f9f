//! Faults on demand, and the counters of what was asked. Which request a fault strikes is decided by counting, never by chance, so that a
//! test sees the same every time.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::lock::lock;

/// How long a hanging answer hangs when nobody clears the faults.
pub const HANG: Duration = Duration::from_secs(30);

/// A disturbance. Everything but `operation` is optional; what is not narrowed matches all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// `secrets.get`, `secrets.list`, `secrets.set`, `secrets.delete`, the same of `certificates` and `keys`, `token`, `identity`, or `*`.
    pub operation: String,
    /// Only this vault.
    pub vault: Option<String>,
    /// Only the object of this name.
    pub name: Option<String>,
    /// HTTP status of the answer; 500 when only a `code` is given.
    pub status: Option<u16>,
    /// `error.code` of the answer.
    pub code: Option<String>,
    /// `error.innererror.code` of the answer.
    pub inner: Option<String>,
    /// Seconds in the header `Retry-After`.
    pub retry_after: Option<u64>,
    /// Milliseconds to wait before the answer.
    pub delay_ms: Option<u64>,
    /// The answer does not begin: for 30 seconds, or until the faults are cleared.
    #[serde(default)]
    pub slow_headers: bool,
    /// The answer stops in the middle of its body, as long as `slowHeaders`, and then ends properly.
    #[serde(default)]
    pub slow_body: bool,
    /// The connection ends in the middle of the body.
    #[serde(default)]
    pub truncate: bool,
    /// The body is a page of HTML, as a proxy would send.
    #[serde(default)]
    pub not_json: bool,
    /// The TCP connection is reset without an answer.
    #[serde(default)]
    pub reset: bool,
    /// Part of the matching requests that is struck, 0 to 1.
    pub share: Option<f64>,
    /// How many requests are struck before the fault ends.
    pub count: Option<u64>,
    /// A throttle: strikes only what exceeds this number of matching requests within `withinSeconds`.
    pub above: Option<u64>,
    /// The window of `above` in seconds; 10 when absent, as Azure counts.
    pub within_seconds: Option<u64>,
}

/// What is asked: the subject of faults and counters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// `kind.verb`, `token` or `identity`.
    pub operation: String,
    /// The vault; empty for `token` and `identity`.
    pub vault: String,
    /// The object, or the identity for `token` and `identity`; empty for lists.
    pub name: String,
}

impl Request {
    /// As the counters call it, such as `shop-prod secrets.get db`.
    #[must_use]
    pub fn label(&self) -> String {
        [&self.vault, &self.operation, &self.name]
            .into_iter()
            .filter(|part| !part.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

struct Active {
    fault: Fault,
    /// Requests that matched.
    seen: u64,
    /// Requests that were struck.
    struck: u64,
    /// Start of the throttle's window and the requests in it.
    window: (Instant, u64),
}

/// The faults that are on, and the counters.
pub struct Faults {
    active: Mutex<Vec<Active>>,
    counters: Mutex<BTreeMap<String, u64>>,
    /// Changes when faults are cleared: what hangs goes on.
    cleared: watch::Sender<u64>,
}

impl Faults {
    /// With these faults on.
    #[must_use]
    pub fn new(faults: Vec<Fault>) -> Self {
        let this = Self { active: Mutex::default(), counters: Mutex::default(), cleared: watch::Sender::new(0) };
        faults.into_iter().for_each(|fault| this.add(fault));
        this
    }

    /// Adds a fault; the earliest that strikes wins.
    pub fn add(&self, fault: Fault) {
        lock(&self.active).push(Active { fault, seen: 0, struck: 0, window: (Instant::now(), 0) });
    }

    /// Ends all faults and lets hanging answers go on.
    pub fn clear(&self) {
        lock(&self.active).clear();
        self.cleared.send_modify(|generation| *generation += 1);
    }

    /// The faults that are on.
    #[must_use]
    pub fn list(&self) -> Vec<Fault> {
        lock(&self.active).iter().map(|active| active.fault.clone()).collect()
    }

    /// Counts the request, and nothing else.
    pub fn count(&self, request: &Request) {
        *lock(&self.counters).entry(request.label()).or_default() += 1;
    }

    /// Counts the request and says which fault strikes it at `now`.
    pub fn strike(&self, request: &Request, now: Instant) -> Option<Fault> {
        self.count(request);
        lock(&self.active).iter_mut().find_map(|active| active.strike(request, now))
    }

    /// Requests so far, by [`Request::label`].
    #[must_use]
    pub fn counters(&self) -> BTreeMap<String, u64> {
        lock(&self.counters).clone()
    }

    /// Counts from zero again.
    pub fn reset_counters(&self) {
        lock(&self.counters).clear();
    }

    /// Returns a signal that resolves when the faults are cleared after this call.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        let mut receiver = self.cleared.subscribe();
        receiver.mark_unchanged();
        receiver
    }
}

impl Active {
    fn strike(&mut self, request: &Request, now: Instant) -> Option<Fault> {
        let fault = &self.fault;
        let matches = (fault.operation == "*" || fault.operation == request.operation)
            && fault.vault.as_ref().is_none_or(|vault| *vault == request.vault)
            && fault.name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&request.name));
        if !matches || fault.count.is_some_and(|count| self.struck >= count) {
            return None;
        }
        if let Some(limit) = fault.above {
            let length = Duration::from_secs(fault.within_seconds.unwrap_or(10));
            if now.duration_since(self.window.0) >= length {
                self.window = (now, 0);
            }
            self.window.1 += 1;
            if self.window.1 <= limit {
                return None;
            }
        }
        self.seen += 1;
        if let Some(share) = fault.share {
            // The request at which the expected number of strikes passes a whole number.
            let due = |seen: u64| (seen as f64 * share).floor();
            if due(self.seen) <= due(self.seen - 1) {
                return None;
            }
        }
        self.struck += 1;
        Some(fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request { operation: "secrets.get".to_owned(), vault: "shop".to_owned(), name: "db".to_owned() }
    }

    fn struck(fault: Fault, seconds: &[u64]) -> Vec<bool> {
        let faults = Faults::new(vec![Fault { status: Some(503), ..fault }]);
        let start = Instant::now();
        seconds.iter().map(|second| faults.strike(&request(), start + Duration::from_secs(*second)).is_some()).collect()
    }

    #[test]
    fn a_fault_strikes_what_it_names_as_often_as_it_says() {
        let get = || Fault { operation: "secrets.get".to_owned(), ..Fault::default() };
        let check = |fault, seconds: &[u64], expected: &[bool]| assert_eq!(struck(fault, seconds), expected);
        check(get(), &[0, 0], &[true, true]);
        check(Fault { operation: "*".to_owned(), ..get() }, &[0], &[true]);
        check(Fault { operation: "keys.get".to_owned(), ..get() }, &[0], &[false]);
        check(Fault { vault: Some("other".to_owned()), ..get() }, &[0], &[false]);
        check(Fault { name: Some("DB".to_owned()), ..get() }, &[0], &[true]);
        check(Fault { count: Some(1), ..get() }, &[0, 0], &[true, false]);
        check(Fault { share: Some(0.5), ..get() }, &[0, 0, 0, 0], &[false, true, false, true]);
        check(Fault { share: Some(0.0), ..get() }, &[0, 0], &[false, false]);
        check(Fault { above: Some(2), ..get() }, &[0, 1, 2, 3, 11, 12], &[false, false, true, true, false, false]);
    }

    #[test]
    fn every_request_is_counted_by_vault_operation_and_name() {
        let faults = Faults::new(Vec::new());
        faults.strike(&request(), Instant::now());
        faults.strike(&request(), Instant::now());
        assert_eq!(faults.counters(), BTreeMap::from([("shop secrets.get db".to_owned(), 2)]));
        faults.reset_counters();
        assert!(faults.counters().is_empty());
    }
}
