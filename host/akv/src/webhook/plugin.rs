//! `GET /pod/v1/plugins/{digest}`: a custom plugin, compiled, for a container that runs the same engine.

use super::audit::{self, Asked, Denied};
use super::certificate::may;
use super::resources::NO_CERTIFICATE;
use super::state::{Shared, State, now};
use akv_plugin::made_for;
use akv_process::tls::Peer;
use akv_wire::PodIdentity;
use axum::extract::{Extension, Path, Query, State as Extract};
use axum::response::Response;
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
    let asked = Asked { request: "plugin", from: peer.address, who: None, what: &digest };
    let identity = match state.authority.peers().pod(&peer.chain, now()) {
        Ok(identity) => identity,
        Err(error) => return audit::answer::<()>(&state, asked, Err(Denied::unknown(NO_CERTIFICATE, error))),
    };
    let asked = Asked { who: Some(&identity), ..asked };
    match decide(&state, &identity, &digest, &runs).await {
        Ok(bytes) => audit::answered(&state, asked, bytes),
        Err(denied) => audit::answer::<()>(&state, asked, Err(denied)),
    }
}

async fn decide(state: &State, identity: &PodIdentity, digest: &str, runs: &Runs) -> Result<Vec<u8>, Denied> {
    // The first answer of a start is free for each thing there is, not for each text that somebody thinks of.
    let known = state.plugins.has(digest);
    may(state, identity, &if known { format!("plugin {digest}") } else { "no plugin".to_owned() }).await?;
    if runs.engine != made_for::ENGINE || runs.target != made_for::target() {
        return Err(Denied::missing(format!("nothing is compiled here for engine {} on {}", runs.engine, runs.target)));
    }
    let found = state.plugins.artifact(&state.client, &identity.namespace, digest).await;
    let artifact = found.map_err(|trouble| Denied::unavailable(trouble.message))?;
    Ok(artifact.ok_or_else(|| Denied::missing("no plugin of this digest is listed for this namespace"))?.to_bytes())
}
