//! The limits of a vault, as the service has them: transactions within ten seconds, by kind.
//! <https://learn.microsoft.com/azure/key-vault/general/service-limits>.

use crate::call::{Call, Verb};
use crate::lock::lock;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What the limits are for.
const WINDOW: Duration = Duration::from_secs(10);
/// Writing new secrets, in one window.
const SECRET_CREATE: u32 = 300;
/// Everything else about secrets and certificates ("secrets and vault transactions").
const SECRETS: u32 = 4000;
/// Everything else about software keys.
const KEYS: u32 = 4000;

/// Counts transactions. Made for ten thousand requests a second: one short lock each, and no memory is allocated.
pub struct Throttle {
    /// Empty if it is off.
    vaults: BTreeMap<String, [Mutex<Window>; 3]>,
}

struct Window {
    limit: u32,
    since: Option<Instant>,
    done: u32,
}

impl Throttle {
    /// For these vaults, if it is `on`.
    #[must_use]
    pub fn new<'a>(on: bool, vaults: impl Iterator<Item = &'a str>) -> Self {
        let windows = || [SECRETS, SECRET_CREATE, KEYS].map(|limit| Mutex::new(Window { limit, since: None, done: 0 }));
        let vaults = vaults.filter(|_| on).map(|vault| (vault.to_owned(), windows())).collect();
        Self { vaults }
    }

    /// Counts a transaction at `now`.
    ///
    /// # Errors
    /// Seconds until the vault takes requests again. Such a request is not counted, as in Azure.
    pub fn admit(&self, vault: &str, call: &Call, now: Instant) -> Result<(), u64> {
        let Some(windows) = self.vaults.get(vault) else {
            return Ok(());
        };
        let window = match (call.kind.as_str(), call.verb) {
            ("keys", _) => &windows[2],
            (_, Verb::Set) => &windows[1],
            _ => &windows[0],
        };
        lock(window).admit(now)
    }
}

impl Window {
    fn admit(&mut self, now: Instant) -> Result<(), u64> {
        let since = match self.since {
            Some(since) if now.duration_since(since) < WINDOW => since,
            _ => {
                (self.since, self.done) = (Some(now), 0);
                now
            }
        };
        if self.done >= self.limit {
            let left = WINDOW.saturating_sub(now.duration_since(since));
            return Err(left.as_millis().div_ceil(1000).max(1) as u64);
        }
        self.done += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        Throttle::new(true, ["shop", "other"].into_iter())
    }

    fn call(method: &str, path: &str) -> Call {
        Call::parse(method, path).unwrap()
    }

    /// How many of `asked` requests are admitted.
    fn admitted(throttle: &Throttle, vault: &str, call: &Call, asked: u32, now: Instant) -> u32 {
        (0..asked).filter(|_| throttle.admit(vault, call, now).is_ok()).count() as u32
    }

    #[test]
    fn each_kind_of_transaction_has_its_own_limit() {
        let (throttle, now) = (throttle(), Instant::now());
        let check = |method, path, expected| {
            assert_eq!(admitted(&throttle, "shop", &call(method, path), 5000, now), expected, "{method} {path}");
        };
        check("GET", "/secrets/db", 4000);
        check("GET", "/certificates/tls", 0);
        check("PUT", "/secrets/db", 300);
        check("GET", "/keys", 4000);
    }

    #[test]
    fn a_vault_takes_requests_again_when_its_ten_seconds_are_over_and_says_when() {
        let (throttle, now, get) = (throttle(), Instant::now(), call("GET", "/secrets/db"));
        let at = |millis| now + Duration::from_millis(millis);
        assert_eq!(admitted(&throttle, "shop", &get, 4000, now), 4000);
        assert_eq!(throttle.admit("shop", &get, now), Err(10));
        assert_eq!(throttle.admit("shop", &get, at(7500)), Err(3));
        assert_eq!(throttle.admit("shop", &get, at(9999)), Err(1));
        assert_eq!(throttle.admit("other", &get, at(9999)), Ok(()));
        assert_eq!(admitted(&throttle, "shop", &get, 5000, at(10_000)), 4000);
    }

    #[test]
    fn it_is_off_unless_it_is_asked_for() {
        let throttle = Throttle::new(false, ["shop"].into_iter());
        assert_eq!(admitted(&throttle, "shop", &call("GET", "/secrets/db"), 5000, Instant::now()), 5000);
    }

    #[test]
    fn it_costs_little() {
        let (throttle, get) = (throttle(), call("GET", "/secrets/db"));
        let begun = Instant::now();
        // Ten seconds' worth at ten thousand a second; it takes some ten milliseconds, unoptimised.
        admitted(&throttle, "shop", &get, 100_000, begun);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}
