//! When a service wants to be asked again.

use std::time::Duration;

use azure_core::http::headers::{HeaderName, Headers};
use time::OffsetDateTime;

/// Reads `Retry-After` (seconds or an HTTP date, RFC 9110 section 10.2.3) and Azure's forms in milliseconds. The result is
/// what was asked for, however long; who waits caps it.
pub(crate) fn retry_after(headers: &Headers, now: OffsetDateTime) -> Option<Duration> {
    let text = |name: &'static str| headers.get_optional_str(&HeaderName::from_static(name));
    for name in ["x-ms-retry-after-ms", "retry-after-ms"] {
        if let Some(milliseconds) = text(name).and_then(|text| text.trim().parse().ok()) {
            return Some(Duration::from_millis(milliseconds));
        }
    }
    let text = text("retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = azure_core::time::parse_rfc7231(text).ok()?;
    Some(Duration::try_from(until - now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, value: &'static str, expected: Option<u64>) {
        let mut headers = Headers::new();
        headers.insert(name, value);
        // 2023-11-14 22:13:20 UTC
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a time");
        let expected = expected.map(Duration::from_millis);
        assert_eq!(retry_after(&headers, now), expected, "{name}: {value}");
    }

    #[test]
    fn seconds_dates_and_milliseconds_are_understood_and_not_capped() {
        check("retry-after", "5", Some(5_000));
        check("retry-after", "7200", Some(7_200_000));
        check("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT", Some(60_000));
        check("retry-after", "Tue, 14 Nov 2023 22:00:00 GMT", Some(0));
        check("x-ms-retry-after-ms", "1500", Some(1_500));
        check("retry-after", "-1", None);
        check("retry-after", "soon", None);
    }
}
