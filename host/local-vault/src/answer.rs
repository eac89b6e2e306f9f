//! Answers, and how a fault bends them.

use crate::fault::{Fault, Faults, HANG};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// The body of an answer; an error in it ends the connection.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer before it is sent.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers besides the content type.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, unless a fault replaces it.
    pub body: Value,
}

impl Answer {
    /// A good one.
    #[must_use]
    pub fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body }
    }

    /// Key Vault's form of an error.
    #[must_use]
    pub fn error(status: u16, code: &str, inner: Option<&str>, message: &str) -> Self {
        let mut error = json!({"code": code, "message": message});
        if let Some(inner) = inner {
            error["innererror"] = json!({"code": inner});
        }
        Self { status, headers: Vec::new(), body: json!({ "error": error }) }
    }

    /// With one header more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn response(self, body: Body, length: usize, content_type: &str) -> io::Result<Response<Body>> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response =
            Response::builder().status(status).header("content-type", content_type).header("content-length", length);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(body).map_err(io::Error::other)
    }

    /// As it is.
    ///
    /// # Errors
    /// When a header cannot be written.
    pub fn send(self) -> io::Result<Response<Body>> {
        let text = Bytes::from(self.body.to_string());
        let length = text.len();
        self.response(whole(text), length, "application/json; charset=utf-8")
    }
}

fn whole(text: Bytes) -> Body {
    Full::new(text).map_err(|never| match never {}).boxed_unsync()
}

/// What a request gets that a fault strikes; `answer` is what it would have got.
///
/// # Errors
/// An error ends the connection without an answer.
pub async fn struck(
    fault: &Fault,
    faults: &Faults,
    answer: impl Future<Output = Answer>,
) -> io::Result<Response<Body>> {
    if let Some(delay) = fault.delay_ms {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    if fault.reset {
        return Err(io::Error::new(io::ErrorKind::ConnectionReset, "a fault resets the connection"));
    }
    let mut cleared = faults.watch();
    if fault.slow_headers {
        // Whichever comes first; either way the answer goes out.
        let _ended = tokio::time::timeout(HANG, cleared.changed()).await;
    }
    let answer = if fault.status.is_some() || fault.code.is_some() || fault.inner.is_some() {
        planned(fault)
    } else {
        answer.await
    };
    if fault.not_json {
        let page = Bytes::from_static(b"<html><body>Bad Gateway</body></html>");
        let length = page.len();
        return Answer { status: fault.status.unwrap_or(200), ..answer }.response(whole(page), length, "text/html");
    }
    let text = answer.body.to_string().into_bytes();
    let (length, half) = (text.len(), text.len() / 2);
    let (first, rest) = (Bytes::copy_from_slice(&text[..half]), Bytes::copy_from_slice(&text[half..]));
    let (truncate, slow) = (fault.truncate, fault.slow_body);
    if !truncate && !slow {
        return answer.send();
    }
    let parts = futures_stream(first, rest, truncate, cleared);
    answer.response(StreamBody::new(parts).boxed_unsync(), length, "application/json; charset=utf-8")
}

fn planned(fault: &Fault) -> Answer {
    let status = fault.status.unwrap_or(500);
    let usual = match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "SecretNotFound",
        429 => "Throttled",
        _ => "InternalError",
    };
    let code = fault.code.as_deref().unwrap_or(usual);
    let answer = Answer::error(status, code, fault.inner.as_deref(), "A fault that was asked for.");
    match fault.retry_after {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}

/// The first half; then the end of the connection, or a pause and the rest.
fn futures_stream(
    first: Bytes,
    rest: Bytes,
    truncate: bool,
    cleared: tokio::sync::watch::Receiver<u64>,
) -> impl futures::Stream<Item = io::Result<Frame<Bytes>>> {
    futures::stream::unfold(0, move |step| {
        let (first, rest, mut cleared) = (first.clone(), rest.clone(), cleared.clone());
        async move {
            match step {
                0 => Some((Ok(Frame::data(first)), 1)),
                1 if truncate => {
                    // The error discards what is not sent yet; while we wait, headers and half of the body are.
                    tokio::task::yield_now().await;
                    Some((Err(io::Error::other("a fault cuts the body")), 2))
                }
                1 => {
                    let _ended = tokio::time::timeout(HANG, cleared.changed()).await;
                    Some((Ok(Frame::data(rest)), 2))
                }
                _ => None,
            }
        }
    })
}
