//! One line for each decision of the auth service, without a value, and the answer to whoever asked.

use super::metrics::ReasonLabels;
use super::state::{Shared, State};
use akv_core::auth::NotNow;
use akv_process::tls::Peer;
use akv_wire::message::Refused;
use akv_wire::{PodIdentity, reason};
use axum::Json;
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::net::SocketAddr;

/// A kubelet that is behind says so within a second or two.
const SOON: u64 = 1;

/// Why somebody gets no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    status: StatusCode,
    reason: &'static str,
    message: String,
    /// What only the log is told.
    detail: String,
    retry_after: Option<u64>,
}

impl Denied {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into(), detail: String::new(), retry_after: None }
    }

    /// The request is none.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason::MALFORMED, message)
    }

    /// Nobody has proved who asks. Whoever it is learns no more; the log does.
    pub fn unknown(message: &str, detail: impl ToString) -> Self {
        Self { detail: detail.to_string(), ..Self::new(StatusCode::UNAUTHORIZED, reason::UNAUTHENTICATED, message) }
    }

    /// Whoever asks may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, reason::FORBIDDEN, message)
    }

    /// There is no such thing.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, reason::NOT_FOUND, message)
    }

    /// Too many requests.
    pub fn limited(seconds: u64) -> Self {
        let message = "too many requests from this pod or its namespace";
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, reason::RATE_LIMITED, message) }
    }

    /// Something that this service needs does not answer.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { retry_after: Some(SOON), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, reason::UNAVAILABLE, message) }
    }
}

impl From<NotNow> for Denied {
    fn from(not_now: NotNow) -> Self {
        let message = not_now.to_string();
        match not_now {
            NotNow::Never(_) => Self::forbidden(message),
            NotNow::Window(..) => {
                Self { retry_after: Some(SOON), ..Self::new(StatusCode::CONFLICT, reason::NOT_STARTING, message) }
            }
        }
    }
}

impl From<kube::Error> for Denied {
    fn from(error: kube::Error) -> Self {
        tracing::warn!(%error, "the API server did not answer the auth service");
        Self::unavailable("the API server did not answer the auth service")
    }
}

/// One request, as far as it is understood.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Which path.
    pub request: &'static str,
    /// Where it comes from.
    pub from: SocketAddr,
    /// Whose certificate or token it is.
    pub who: Option<&'a PodIdentity>,
    /// The resources, or the plugin.
    pub what: &'a str,
}

/// An answer that has its line already.
#[derive(Debug, Clone, Copy)]
struct Audited;

/// Writes the line, counts, and answers.
pub fn answer<T: Serialize>(state: &State, asked: Asked<'_>, result: Result<T, Denied>) -> Response {
    let mut response = match result {
        Ok(answer) => {
            allowed(state, asked);
            Json(answer).into_response()
        }
        Err(denied) => refused(state, asked, denied),
    };
    response.extensions_mut().insert(Audited);
    response
}

/// The line of an answer that is no JSON.
pub fn answered(state: &State, asked: Asked<'_>, body: impl IntoResponse) -> Response {
    allowed(state, asked);
    let mut response = body.into_response();
    response.extensions_mut().insert(Audited);
    response
}

// The subscriber quotes every field, since users and strangers choose much of them. It would not quote `message`.

fn allowed(state: &State, asked: Asked<'_>) {
    state.metrics.auth.inc();
    let Asked { request, from, who, what } = asked;
    let (pod, resources) = (who.map(ToString::to_string).unwrap_or_default(), shortened(what));
    tracing::info!(target: "akv::audit", request, %from, pod, resources, verdict = "allowed");
}

fn refused(state: &State, asked: Asked<'_>, denied: Denied) -> Response {
    state.metrics.auth.inc();
    let Asked { request, from, who, what } = asked;
    let (pod, resources) = (who.map(ToString::to_string).unwrap_or_default(), shortened(what));
    let Denied { status, reason, message, detail, retry_after } = denied;
    let why = shortened(&if detail.is_empty() { message.clone() } else { format!("{message}: {detail}") });
    tracing::info!(target: "akv::audit", request, %from, pod, resources, verdict = "refused", status = status.as_u16(), reason, why);
    state.metrics.auth_failed.inc();
    state.metrics.refusals.get_or_create(&ReasonLabels { reason: reason.to_owned() }).inc();
    let again =
        matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let body = Refused { reason: reason.to_owned(), message, retry_after, again };
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // Whoever is refused opens a new connection, which is limited before it costs a handshake.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A line for what no handler saw: paths that are none, methods, bodies that are too large or too slow.
pub async fn strangers(Extract(state): Extract<Shared>, request: Request, next: Next) -> Response {
    let from = request.extensions().get::<Peer>().map(|peer| peer.address.to_string()).unwrap_or_default();
    let path = shortened(request.uri().path());
    let method = request.method().to_string();
    let mut response = next.run(request).await;
    let status = response.status();
    if response.extensions().get::<Audited>().is_none() && !status.is_success() {
        state.metrics.auth.inc();
        state.metrics.auth_failed.inc();
        tracing::info!(target: "akv::audit", request = "none", from, method, path, verdict = "refused", status = status.as_u16());
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A line has an end.
fn shortened(text: &str) -> String {
    const MOST: usize = 1000;
    text.chars().take(MOST).collect()
}
