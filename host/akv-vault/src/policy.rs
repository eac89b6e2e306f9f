//! What every request passes on its way: it stays on its host, and it is repeated rarely.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::policies::{Policy, PolicyResult, RetryHeaders, RetryPolicy};
use azure_core::http::{Context, Request, StatusCode, Url};

use crate::wire_fault::{WireFault, error};

/// Tries per request, the first included.
const TRIES: u32 = 3;
/// The pause before the second try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A few quick tries for what passes at once. Everything else is the caller's, who knows about other resources.
///
/// The SDK's own policy sleeps as long as Retry-After says, hours if need be; this one does not look at it.
#[derive(Debug, Clone)]
pub(crate) struct QuickRetry {
    until: Duration,
    statuses: Vec<StatusCode>,
}

impl QuickRetry {
    /// Tries again on these statuses and broken connections, and begins no try later than `until` after the first.
    pub(crate) fn new(until: Duration, statuses: &[u16]) -> Self {
        Self { until, statuses: statuses.iter().copied().map(StatusCode::from).collect() }
    }
}

#[async_trait]
impl RetryPolicy for QuickRetry {
    fn is_expired(&self, since: azure_core::time::Duration, retries: u32) -> bool {
        retries + 1 >= TRIES || since >= self.until
    }

    fn retry_headers(&self) -> Option<&RetryHeaders> {
        None
    }

    fn retry_status_codes(&self) -> &[StatusCode] {
        &self.statuses
    }

    fn sleep_duration(&self, retries: u32) -> azure_core::time::Duration {
        let pause = FIRST_PAUSE * (1 << retries.saturating_sub(1).min(8));
        pause.try_into().unwrap_or(azure_core::time::Duration::ZERO)
    }

    async fn wait(&self, retries: u32, _: Option<azure_core::time::Duration>) {
        tokio::time::sleep(FIRST_PAUSE * (1 << retries.saturating_sub(1).min(8))).await;
    }
}

/// Refuses a request that would leave the vault, and with it our token: the SDK follows links to any host.
#[derive(Debug)]
pub(crate) struct HostPin(Url);

impl HostPin {
    /// Pins to the scheme, host and port of `vault`.
    pub(crate) fn new(vault: Url) -> Self {
        Self(vault)
    }
}

#[async_trait]
impl Policy for HostPin {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let url = request.url();
        if url.origin() != self.0.origin() {
            let host = url.host_str().unwrap_or("nowhere").to_owned();
            return Err(error(ErrorKind::Other, WireFault::OtherHost(host)));
        }
        pass_on(context, request, next).await
    }
}

/// Keeps an answer of the token service that is no success. The SDK would parse it first, and where that fails, as for every
/// text with an escape, lose the status, the headers and the text.
#[derive(Debug)]
pub(crate) struct KeepRefusal;

#[async_trait]
impl Policy for KeepRefusal {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let answer = pass_on(context, request, next).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let kind = ErrorKind::HttpResponse {
            status,
            error_code: None,
            raw_response: Some(Box::new(answer.try_into_raw_response().await?)),
        };
        Err(azure_core::Error::with_message(kind, "the token service refused"))
    }
}

async fn pass_on(context: &Context<'_>, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
    match next.split_first() {
        Some((first, rest)) => first.send(context, request, rest).await,
        None => Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline ends before the transport")),
    }
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;

    use super::*;

    #[test]
    fn three_tries_and_no_more_whatever_the_service_asks_for() {
        let policy = QuickRetry::new(Duration::from_secs(10), &[503]);
        let second = azure_core::time::Duration::SECOND;
        for (since, retries, expired) in [(0, 0, false), (1, 1, false), (1, 2, true), (10, 0, true)] {
            assert_eq!(policy.is_expired(second * since, retries), expired, "{since} {retries}");
        }
        assert!(policy.retry_headers().is_none());
        assert_eq!(policy.retry_status_codes(), &[StatusCode::ServiceUnavailable]);
    }

    #[tokio::test]
    async fn a_request_for_another_origin_is_refused_before_it_is_sent() {
        let pin = HostPin::new(Url::parse("https://demo.vault.azure.net/").expect("a URL"));
        for (url, refused) in [
            ("https://demo.vault.azure.net/secrets/db", false),
            ("https://demo.vault.azure.net:443/secrets/db", false),
            ("https://demo.vault.azure.net:8443/secrets/db", true),
            ("http://demo.vault.azure.net/secrets/db", true),
            ("https://other.vault.azure.net/secrets/db", true),
            ("https://demo.vault.azure.net.evil.example/", true),
        ] {
            let mut request = Request::new(Url::parse(url).expect("a URL"), Method::Get);
            let said = pin.send(&Context::new(), &mut request, &[]).await.expect_err("no transport");
            let by_pin = said.to_string().contains("would have left its host");
            assert_eq!(by_pin, refused, "{url}: {said}");
        }
    }
}
