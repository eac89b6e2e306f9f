//! What a server takes of one request: so many bytes, in so much time, and of all requests together so much memory.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// For [`bounded`].
#[derive(Debug, Clone)]
pub struct Bounds {
    largest: usize,
    body: Duration,
    answer: Duration,
    memory: Arc<Semaphore>,
}

impl Bounds {
    /// A body has at most `largest` bytes and comes within `body`; then a handler has the time `answer`. All bodies that are
    /// held at a time have `memory` bytes together.
    pub fn new(largest: usize, body: Duration, answer: Duration, memory: usize) -> Self {
        Self { largest, body, answer, memory: Arc::new(Semaphore::new(memory)) }
    }
}

/// A layer by `axum::middleware::from_fn_with_state`. Handlers get a body that is there.
pub async fn bounded(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (bytes, _held) = match tokio::time::timeout(bounds.body, read(&bounds, body)).await {
        Ok(Ok(read)) => read,
        Ok(Err(status)) => return closing(status),
        Err(_) => return closing(StatusCode::REQUEST_TIMEOUT),
    };
    let answered = next.run(Request::from_parts(parts, Body::from(bytes)));
    tokio::time::timeout(bounds.answer, answered).await.unwrap_or_else(|_| closing(StatusCode::SERVICE_UNAVAILABLE))
}

/// Memory is taken as bytes come, so whoever announces much and sends little holds little.
async fn read(bounds: &Bounds, body: Body) -> Result<(Bytes, Vec<OwnedSemaphorePermit>), StatusCode> {
    let (mut bytes, mut held) = (Vec::new(), Vec::new());
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        if bytes.len() + chunk.len() > bounds.largest {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let size = u32::try_from(chunk.len()).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let taken = bounds.memory.clone().try_acquire_many_owned(size);
        held.push(taken.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?);
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes.into(), held))
}

fn closing(status: StatusCode) -> Response {
    let mut response = status.into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
