//! When to ask again.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Tries of one request. What fails this often within an admission's patience is down.
const MOST: u32 = 4;
/// Before the second try, where the registry names no time; doubled for each further one.
const FIRST: Duration = Duration::from_millis(200);

/// Whether a status may be gone at once: overload, and what gateways say of a server that restarts.
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

/// How long to wait before the try that follows `tries`; nothing if there should be none within `left`.
pub(crate) fn pause(tries: u32, wanted: Option<Duration>, left: Duration) -> Option<Duration> {
    let pause = wanted.unwrap_or(FIRST * 2u32.saturating_pow(tries.saturating_sub(1)));
    (tries < MOST && pause < left).then_some(pause)
}

/// Reads `Retry-After`, in seconds or as a date (RFC 9110 section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // An HTTP date is an Internet date whose zone is written GMT.
    let until = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Duration::try_from(until - OffsetDateTime::from(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        for (text, expected) in [
            ("5", Some(5)),
            ("Tue, 14 Nov 2023 22:14:20 GMT", Some(60)),
            ("Tue, 14 Nov 2023 22:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().expect("a value"))]);
            // 2023-11-14 22:13:20 UTC
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
            assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn tries_are_few_and_end_with_the_time() {
        let (left, ms) = (Duration::from_secs(8), Duration::from_millis);
        assert_eq!(pause(1, None, left), Some(ms(200)));
        assert_eq!(pause(3, None, left), Some(ms(800)));
        assert_eq!(pause(4, None, left), None);
        assert_eq!(pause(1, Some(ms(3000)), left), Some(ms(3000)));
        assert_eq!(pause(1, Some(ms(9000)), left), None);
        assert_eq!(pause(1, Some(Duration::MAX), left), None);
    }
}
