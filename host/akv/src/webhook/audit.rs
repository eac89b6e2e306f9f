//! One line for each decision of the auth service, without a value, and the answer to whoever asked.

use super::metrics::ReasonLabels;
use super::state::State;
use akv_core::auth::NotNow;
use akv_wire::PodIdentity;
use akv_wire::message::Refused;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A kubelet that is behind says so within a second or two.
const SOON: u64 = 1;

/// Why somebody gets no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    status: StatusCode,
    reason: &'static str,
    message: String,
    retry_after: Option<u64>,
}

impl Denied {
    /// The request is none.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason: "Malformed", message: message.into(), retry_after: None }
    }

    /// Nobody has proved who asks.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, reason: "Unauthenticated", message: message.into(), retry_after: None }
    }

    /// Whoever asks may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, reason: "Forbidden", message: message.into(), retry_after: None }
    }

    /// There is no such thing.
    pub fn missing(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, reason: "NotFound", message: message.into(), retry_after: None }
    }

    /// Too many requests.
    pub fn limited(seconds: u64) -> Self {
        let message = "too many requests from this pod or its namespace".to_owned();
        Self { status: StatusCode::TOO_MANY_REQUESTS, reason: "RateLimited", message, retry_after: Some(seconds) }
    }

    /// Something that this service needs does not answer.
    pub fn unavailable(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, reason: "Unavailable", message, retry_after: Some(SOON) }
    }
}

impl From<NotNow> for Denied {
    fn from(not_now: NotNow) -> Self {
        let message = not_now.to_string();
        match not_now {
            NotNow::Never(_) => Self::forbidden(message),
            NotNow::Window(..) => {
                Self { status: StatusCode::CONFLICT, reason: "NotStarting", message, retry_after: Some(SOON) }
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

/// Writes the line, counts, and answers. `who` is the pod as far as it is known, `what` the resources that were asked for.
pub fn answer<T: Serialize>(
    state: &State,
    request: &'static str,
    who: Option<&PodIdentity>,
    what: &str,
    result: Result<T, Denied>,
) -> Response {
    state.metrics.auth.inc();
    let pod = who.map(ToString::to_string).unwrap_or_default();
    match result {
        Ok(answer) => {
            tracing::info!(target: "akv::audit", request, pod, resources = what, verdict = "allowed");
            Json(answer).into_response()
        }
        Err(denied) => {
            let Denied { status, reason, message, retry_after } = denied;
            tracing::info!(target: "akv::audit", request, pod, resources = what, verdict = "refused", reason, message);
            state.metrics.auth_failed.inc();
            state.metrics.refusals.get_or_create(&ReasonLabels { reason: reason.to_owned() }).inc();
            let again = matches!(
                status,
                StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            let body = Refused { reason: reason.to_owned(), message, retry_after, again };
            let mut response = (status, Json(body)).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            // Whoever is refused opens a new connection, which is limited before it costs a handshake.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}
