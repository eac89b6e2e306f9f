//! `legacyPods`: the original's two paths, for pods that it admitted and that outlive it. Nothing is ever written, and
//! nothing but these paths takes a certificate of the original's authority.

use super::audit::{self, Asked, Denied};
use super::cluster;
use super::state::{Shared, State, now, seconds};
use akv_core::auth::is_of_the_original;
use akv_process::tls::Peer;
use axum::Router;
use axum::extract::{ConnectInfo, Extension, Path, Query, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

/// The original's path on both ports.
pub const PATH: &str = "/auth/{namespace}/{pod}";
/// The plain port is open before there is a state.
pub type Late = Arc<OnceLock<Shared>>;

/// The path on the plain port.
pub fn routes(late: Late) -> Router {
    Router::new().route(PATH, get(validation)).with_state(late)
}

/// Whether a pod's client certificate is good: the original wrote a new one if not. Pods wait for 200 or 201.
async fn validation(
    Extract(late): Extract<Late>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path((namespace, pod)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let Some(state) = late.get() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let what = format!("{namespace}/{pod}");
    let asked = Asked { request: "legacy validation", from, who: None, what: &what };
    if query.get("secret").is_none_or(String::is_empty) {
        return audit::answer::<()>(state, asked, Err(Denied::malformed("the name of the pod's secret is missing")));
    }
    match may(state, &namespace, &pod, "validation").await {
        Ok(()) => audit::answered(state, asked, StatusCode::OK),
        Err(denied) => audit::answer::<()>(state, asked, Err(denied)),
    }
}

/// The injector's token, on the port of pods.
pub async fn token(
    Extract(state): Extract<Shared>,
    Extension(peer): Extension<Peer>,
    Path((namespace, pod)): Path<(String, String)>,
) -> Response {
    let what = format!("{namespace}/{pod}");
    let asked = Asked { request: "legacy token", from: peer.address, who: None, what: &what };
    match answer(&state, &peer, &namespace, &pod).await {
        Ok(token) => audit::answer(&state, asked, Ok(json!({"oauth_token": token}))),
        Err(denied) => audit::answer::<()>(&state, asked, Err(denied)),
    }
}

async fn answer(state: &State, peer: &Peer, namespace: &str, pod: &str) -> Result<String, Denied> {
    let legacy = state.legacy.as_ref().ok_or_else(|| Denied::missing("there is no such path"))?;
    let known = legacy.peers.check(&peer.chain, now());
    known.map_err(|error| Denied::unknown("this needs a certificate of the original's authority", error))?;
    may(state, namespace, pod, "token").await?;
    if state.broker.contains(namespace) || state.policy.restricts(namespace) {
        return Err(Denied::forbidden("pods of this namespace get values and no credentials: create the pod anew"));
    }
    let vault = state.vault.as_ref().ok_or_else(|| Denied::unavailable("the auth service is off"))?;
    let access = vault.access().await.map_err(|error| Denied::unavailable(error.to_string()))?;
    String::from_utf8(access.token.expose().to_vec()).map_err(|_| Denied::unavailable("the token is no text"))
}

/// Whether this is a pod that the original admitted.
async fn may(state: &State, namespace: &str, name: &str, request: &'static str) -> Result<(), Denied> {
    let legacy = state.legacy.as_ref().ok_or_else(|| Denied::missing("there is no such path"))?;
    let _look = legacy.looks.acquire().await;
    let pod = cluster::pod(&state.client, namespace, name).await?;
    let pod = pod.filter(|pod| is_of_the_original(pod, legacy.installed));
    let pod = pod.ok_or_else(|| Denied::forbidden("the original admitted no such pod before this installation"))?;
    if !cluster::labelled(state, namespace).await? {
        return Err(Denied::forbidden("injection is not on in the pod's namespace"));
    }
    let uid = format!("{namespace}/{}", pod["metadata"]["uid"].as_str().unwrap_or_default());
    state.limits().take(namespace, &uid, &format!("{uid} {request}"), seconds()).map_err(Denied::limited)?;
    state.metrics.legacy.inc();
    Ok(())
}
