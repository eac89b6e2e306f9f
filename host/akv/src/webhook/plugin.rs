//! `GET /pod/v1/plugins/{digest}`: a custom plugin, compiled, for a container that runs the same engine.

use super::audit::{self, Denied};
use super::certificate::may;
use super::state::{Shared, State, now};
use akv_plugin::engine;
use akv_process::tls::Peer;
use akv_wire::PodIdentity;
use axum::extract::{Extension, Path, Query, State as Extract};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// What the container can run.
#[derive(Debug, Deserialize)]
pub struct Runs {
    engine: String,
    target: String,
}

/// The handler.
pub async fn plugin(
    Extract(state): Extract<Shared>,
    Extension(peer): Extension<Peer>,
    Path(digest): Path<String>,
    Query(runs): Query<Runs>,
) -> Response {
    let identity = match state.authority.peers().pod(&peer.chain, now()) {
        Ok(identity) => identity,
        Err(error) => {
            return audit::answer::<()>(&state, "plugin", None, &digest, Err(Denied::unknown(error.to_string())));
        }
    };
    match decide(&state, &identity, &digest, &runs).await {
        Ok(bytes) => {
            let _line = audit::answer(&state, "plugin", Some(&identity), &digest, Ok(()));
            bytes.into_response()
        }
        Err(denied) => audit::answer::<()>(&state, "plugin", Some(&identity), &digest, Err(denied)),
    }
}

async fn decide(state: &State, identity: &PodIdentity, digest: &str, runs: &Runs) -> Result<Vec<u8>, Denied> {
    may(state, identity, &format!("plugin {digest}")).await?;
    if runs.engine != engine::ENGINE || runs.target != engine::target() {
        return Err(Denied::missing(format!("nothing is compiled here for engine {} on {}", runs.engine, runs.target)));
    }
    let found = state.plugins.artifact(&state.client, &identity.namespace, digest).await;
    let artifact = found.map_err(|trouble| Denied::unavailable(trouble.message))?;
    Ok(artifact.ok_or_else(|| Denied::missing("no plugin of this digest is listed for this namespace"))?.to_bytes())
}
