//! One question to the auth service, until there is an answer.

use crate::failure::Failure;
use crate::patience::Patience;
use akv_wire::message::Refused;
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use std::error::Error;
use std::time::Duration;
use zeroize::Zeroizing;

/// Who is spoken of in errors.
const WHO: &str = "the auth service";
/// The values of all variables of a container, or a compiled plugin; what is longer comes from no service of ours.
const LARGEST: usize = 64 << 20;

/// Asks until there is an answer, the answer is a refusal, or the deadline has come.
pub async fn ask<T: DeserializeOwned>(patience: Patience, request: impl Fn() -> RequestBuilder) -> Result<T, Failure> {
    let found = bytes(patience, request).await?;
    let body = found
        .ok_or_else(|| Failure::new(format!("{WHO} does not know this request; it is older than this executable")))?;
    // The parser's words may hold a piece of a value.
    serde_json::from_slice(&body).map_err(|_| Failure::new(format!("{WHO} gave an answer that is none")))
}

/// The same for bytes; `None` if there are none.
pub async fn bytes(
    patience: Patience,
    request: impl Fn() -> RequestBuilder,
) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    let mut patience = patience.afresh();
    let mut last = None;
    loop {
        let Some(reply) = patience.within(answered(request())).await else {
            let why = last.unwrap_or_else(|| format!("{WHO} could not be reached: no answer in time"));
            return Err(Failure::new(why));
        };
        let trouble = match reply {
            Ok((StatusCode::OK, body, _)) => return Ok(Some(body)),
            Ok((StatusCode::NOT_FOUND, ..)) => return Ok(None),
            Ok((status, body, after)) => Trouble::of_answer(status, &body, after),
            Err(error) => Trouble::of_network(&error),
        };
        if !trouble.again {
            return Err(Failure::new(trouble.why));
        }
        if !patience.wait(trouble.after).await {
            return Err(Failure::new(format!("{}; it was tried {} times", trouble.why, patience.tries())));
        }
        last = Some(trouble.why);
    }
}

/// What went wrong, and whether and when asking again can help.
struct Trouble {
    why: String,
    again: bool,
    after: Option<Duration>,
}

impl Trouble {
    fn of_answer(status: StatusCode, body: &[u8], after: Option<Duration>) -> Self {
        match serde_json::from_slice::<Refused>(body) {
            Ok(refused) => Self {
                why: format!("{WHO} refuses: {}: {}", refused.reason, refused.message),
                again: refused.again,
                after: after.or(refused.retry_after.map(Duration::from_secs)),
            },
            // Something between us and the service.
            Err(_) => {
                let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
                let again = status.is_server_error() || passing.contains(&status);
                Self { why: format!("{WHO} answered {status}"), again, after }
            }
        }
    }

    fn of_network(error: &reqwest::Error) -> Self {
        let (deepest, certificate) = cause(error);
        let advice =
            if certificate { "; it is not the service that admitted this pod: create the pod again" } else { "" };
        let why = format!("{WHO} could not be reached: {deepest}{advice}");
        Self { why, again: !certificate, after: None }
    }
}

type Reply = (StatusCode, Zeroizing<Vec<u8>>, Option<Duration>);

async fn answered(request: RequestBuilder) -> Result<Reply, reqwest::Error> {
    let mut answer = request.send().await?;
    let status = answer.status();
    let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    // Room for all from the start, so that growing leaves no copy of a value behind.
    let length = usize::try_from(answer.content_length().unwrap_or(0)).unwrap_or(LARGEST).min(LARGEST);
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > LARGEST {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body, after.map(Duration::from_secs)))
}

/// The text at the end of a chain, where the cause stands, and whether a certificate is the cause.
pub fn cause(error: &reqwest::Error) -> (String, bool) {
    let mut last: &(dyn Error + 'static) = error;
    let mut certificate = false;
    loop {
        certificate |= matches!(last.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)));
        // An I/O error does not name what it wraps as its source.
        let inner = last.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let inner = inner.map(|inner| inner as &(dyn Error + 'static));
        match inner.or_else(|| last.source()) {
            Some(next) => last = next,
            None => return (last.to_string(), certificate),
        }
    }
}
