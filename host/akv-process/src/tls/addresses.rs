//! What one address may take of a port: asked before a connection costs anything.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Beyond this many addresses those that have nothing open and a full bucket are forgotten.
const MOST: usize = 65_536;

/// The connections of each address.
#[derive(Debug, Clone)]
pub(super) struct Addresses(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rate: f64,
    open: usize,
    known: Mutex<HashMap<IpAddr, Known>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    left: f64,
    at: Instant,
    open: usize,
}

/// Held as long as the connection is open.
#[derive(Debug)]
pub(super) struct Pass(Addresses, IpAddr);

impl Addresses {
    /// `rate` new connections a second, twice as many at once, and `open` at the same time.
    pub(super) fn new(rate: f64, open: usize) -> Self {
        Self(Arc::new(Inner { rate, open, known: Mutex::default() }))
    }

    /// Whether one more connection of this address is taken.
    pub(super) fn admit(&self, address: IpAddr, now: Instant) -> Option<Pass> {
        let (rate, burst) = (self.0.rate, self.0.rate * 2.0);
        let mut known = self.known();
        if known.len() >= MOST {
            let full = Duration::from_secs(2);
            known.retain(|_, known| known.open > 0 || now.saturating_duration_since(known.at) < full);
        }
        let one = known.entry(address).or_insert(Known { left: burst, at: now, open: 0 });
        one.left = (one.left + now.saturating_duration_since(one.at).as_secs_f64() * rate).min(burst);
        one.at = now;
        if one.left < 1.0 || one.open >= self.0.open {
            return None;
        }
        (one.left, one.open) = (one.left - 1.0, one.open + 1);
        drop(known);
        Some(Pass(self.clone(), address))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<IpAddr, Known>> {
        // Whole between any two statements.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(one) = self.0.known().get_mut(&self.1) {
            one.open = one.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_rate_and_no_other_notices() {
        let (addresses, now) = (Addresses::new(10.0, 1000), Instant::now());
        let [one, other] = [[127, 0, 0, 1], [127, 0, 0, 2]].map(IpAddr::from);
        let taken = |at: Instant| (0..100).filter(|_| addresses.admit(one, at).is_some()).count();
        assert_eq!((taken(now), taken(now)), (20, 0));
        assert_eq!(taken(now + Duration::from_millis(500)), 5);
        assert!(addresses.admit(other, now).is_some());
    }

    #[test]
    fn an_address_holds_so_many_connections_and_gets_more_when_it_lets_go() {
        let (addresses, now) = (Addresses::new(1000.0, 3), Instant::now());
        let one = IpAddr::from([127, 0, 0, 1]);
        let mut held: Vec<_> = (0..10).filter_map(|_| addresses.admit(one, now)).collect();
        assert_eq!(held.len(), 3);
        held.pop();
        assert!(addresses.admit(one, now).is_some());
    }
}
