//! `/livez`, `/readyz`, `/metrics`, and the original's `/healthz`.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::{Router, extract::State, routing::get};
use prometheus_client::{encoding::text::encode, registry::Registry};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;

/// What the process waits for before it is ready: a name, and what is missing.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Readiness {
    /// The process is not ready for this reason.
    pub fn wait_for(&self, what: &'static str, why: impl Into<String>) {
        self.lock().insert(what, why.into());
    }

    /// The reason is gone.
    pub fn done(&self, what: &'static str) {
        self.lock().remove(what);
    }

    /// What is missing, a line each; empty when ready.
    pub fn missing(&self) -> Vec<String> {
        self.lock().iter().map(|(what, why)| format!("{what}: {why}")).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        // The map is whole even if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Endpoints {
    readiness: Readiness,
    metrics: Option<Arc<Registry>>,
}

/// Serves the endpoints until the process ends; returns the address that was bound. Without `metrics`, `/metrics` is 404.
pub async fn serve(
    at: SocketAddr,
    readiness: Readiness,
    metrics: Option<Arc<Registry>>,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(at).await?;
    let bound = listener.local_addr()?;
    serve_on(listener, readiness, metrics, Router::new());
    Ok(bound)
}

/// The same on a port that is open, with other routes of the program; their handlers may ask for `ConnectInfo<SocketAddr>`.
pub fn serve_on(listener: TcpListener, readiness: Readiness, metrics: Option<Arc<Registry>>, others: Router) {
    let app = routes(Endpoints { readiness, metrics }).merge(others);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "the admin endpoints ended");
        }
    });
}

fn routes(endpoints: Endpoints) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(endpoints)
}

async fn readyz(State(endpoints): State<Endpoints>) -> (StatusCode, String) {
    let missing = endpoints.readiness.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
    }
}

async fn metrics(State(endpoints): State<Endpoints>) -> impl IntoResponse {
    let Some(registry) = endpoints.metrics else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_names_what_is_missing_until_it_is_done() {
        let readiness = Readiness::default();
        readiness.wait_for("crd", "older than this program");
        assert_eq!(readiness.missing(), ["crd: older than this program"]);
        readiness.done("crd");
        assert!(readiness.missing().is_empty());
    }
}
