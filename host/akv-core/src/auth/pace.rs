//! When a container begins to read a vault, so that a herd does not run into the service's throttle.

use std::collections::HashMap;

/// Start slots by vault. Time is milliseconds of any clock that does not run backwards, given by the caller.
#[derive(Debug)]
pub struct Pace {
    /// Reads a second that one vault is given.
    rate: f64,
    /// Reads that need no slot.
    burst: f64,
    /// By vault, when the reads that were given out will be over.
    over: HashMap<String, f64>,
}

/// No slot is further away, in milliseconds. A vault that is behind by more says so itself, and is asked again.
const LONGEST: f64 = 60_000.0;
/// Beyond this many vaults those that are idle are forgotten.
const MOST: usize = 512;

impl Pace {
    /// `rate` reads a second for a vault, `burst` of them at once.
    pub fn new(rate: f64, burst: f64) -> Self {
        Self { rate: rate.max(1.0), burst: burst.max(0.0), over: HashMap::new() }
    }

    /// Gives a slot for `reads` of `vault`: how many milliseconds to wait.
    pub fn slot(&mut self, vault: &str, reads: usize, now: f64) -> u64 {
        if self.over.len() >= MOST {
            self.over.retain(|_, over| *over > now);
        }
        let begin = self.over.get(vault).copied().unwrap_or(now).max(now);
        // Who asks without end delays others by so much and no more.
        let over = (begin + reads as f64 * 1000.0 / self.rate).min(now + LONGEST);
        self.over.insert(vault.to_owned(), over);
        (begin - now - self.burst * 1000.0 / self.rate).max(0.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_herd_is_spread_over_the_rate_and_a_few_are_not_held() {
        let mut pace = Pace::new(100.0, 50.0);
        let waits: Vec<u64> = (0..100).map(|_| pace.slot("shop", 10, 0.0)).collect();
        assert!(waits[..5].iter().all(|wait| *wait == 0), "{waits:?}");
        assert_eq!(waits[99], 9_900 - 500);
        assert_eq!(pace.slot("other", 10, 0.0), 0);
        assert!((0..10_000).all(|_| pace.slot("flooded", 512, 0.0) <= 60_000));
        assert_eq!(pace.slot("shop", 10, 20_000.0), 0);
    }
}
