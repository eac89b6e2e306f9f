//! When to look again.

use akv_api::reason;
use std::time::Duration;

/// A vault may ask for hours; a wrong answer of a proxy must not stop a resource for so long.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(15 * 60);
/// The first wait after a failure that may pass by itself.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait where polling is off and the failure may pass by itself.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// How long to wait after a failure.
///
/// `failures` counts those in a row, this one included. `interval` is the poll period; zero means that polling is off.
/// What may pass by itself is tried after 1, 2, 4… seconds, at most after a poll period; what needs a person is looked at
/// with the next poll; Retry-After is honoured up to [`LONGEST_RETRY_AFTER`].
pub fn next_try(reason: &str, retry_after: Option<Duration>, failures: u32, interval: Duration) -> Duration {
    let poll = if interval.is_zero() { LONGEST } else { interval };
    let back_off = FIRST.saturating_mul(1u32 << failures.saturating_sub(1).min(16)).min(poll);
    let usual = match reason {
        reason::VAULT_UNAVAILABLE | reason::IDENTITY_FAILED | reason::VAULT_UNAUTHORIZED | reason::VAULT_THROTTLED => {
            back_off
        }
        reason::PLUGIN_FAILED | reason::PLUGIN_NOT_READY | reason::TARGET_REFUSED => back_off,
        _ => poll,
    };
    retry_after.map_or(usual, |asked| asked.min(LONGEST_RETRY_AFTER).max(usual.min(FIRST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reason: &str, retry_after: Option<u64>, failures: u32, interval: u64, expected: u64) {
        let got = next_try(reason, retry_after.map(Duration::from_secs), failures, Duration::from_secs(interval));
        assert_eq!(got, Duration::from_secs(expected), "{reason} {retry_after:?} {failures} {interval}");
    }

    #[test]
    fn what_may_pass_by_itself_backs_off_up_to_the_poll_period() {
        check(reason::VAULT_UNAVAILABLE, None, 1, 30, 1);
        check(reason::VAULT_UNAVAILABLE, None, 3, 30, 4);
        check(reason::VAULT_UNAVAILABLE, None, 40, 30, 30);
        check(reason::VAULT_UNAVAILABLE, None, 40, 0, 300);
    }

    #[test]
    fn what_needs_a_person_waits_for_the_poll() {
        check(reason::OBJECT_NOT_FOUND, None, 1, 30, 30);
        check(reason::INVALID_SPEC, None, 9, 0, 300);
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_quarter_of_an_hour() {
        check(reason::VAULT_THROTTLED, Some(5), 1, 30, 5);
        check(reason::VAULT_THROTTLED, Some(7200), 1, 30, 900);
        check(reason::VAULT_THROTTLED, Some(0), 1, 30, 1);
    }
}
