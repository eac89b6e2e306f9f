//! `POST /pod/v1/certificate`: a token becomes a certificate of minutes.

use super::audit::{self, Denied};
use super::cluster;
use super::state::{Shared, State, now, seconds};
use akv_core::auth::{Verdict, may_ask};
use akv_wire::PodIdentity;
use akv_wire::message::{CertificateAnswer, CertificateRequest};
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::response::Response;
use zeroize::Zeroize;

/// The handler.
pub async fn certificate(Extract(state): Extract<Shared>, body: Bytes) -> Response {
    let (who, result) = decide(&state, &body).await;
    audit::answer(&state, "certificate", who.as_ref(), "", result)
}

async fn decide(state: &State, body: &[u8]) -> (Option<PodIdentity>, Result<CertificateAnswer, Denied>) {
    let mut request: CertificateRequest = match serde_json::from_slice(body) {
        Ok(request) => request,
        // The parser's words may hold a piece of the token.
        Err(_) => return (None, Err(Denied::malformed("the body is no request for a certificate"))),
    };
    let reviewed = cluster::review(&state.client, &request.token, &request.container).await;
    request.token.zeroize();
    let claims = match reviewed {
        Ok(Ok(claims)) => claims,
        Ok(Err(why)) => return (None, Err(Denied::unknown(why.to_string()))),
        Err(error) => return (None, Err(error.into())),
    };
    let identity = claims.identity;
    let result = async {
        may(state, &identity, "certificate").await?;
        let chain = state.authority.pod_certificate(&identity, &request.request, now());
        Ok(CertificateAnswer { chain: chain.map_err(|error| Denied::malformed(error.to_string()))? })
    };
    let result = result.await;
    (Some(identity), result)
}

/// Whether the container may ask now; every path asks this anew.
pub async fn may(state: &State, identity: &PodIdentity, request: &str) -> Result<Verdict, Denied> {
    let (pod, labelled) = tokio::try_join!(
        cluster::pod(&state.client, &identity.namespace, &identity.pod),
        cluster::labelled(state, &identity.namespace),
    )?;
    let at = now().unix_timestamp();
    let verdict = may_ask(pod.as_ref(), labelled, identity, &state.injection, at, state.window)?;
    let (pod, start) =
        (format!("{}/{}", identity.namespace, identity.uid), format!("{identity} {request} {}", verdict.start));
    state.limits().take(&identity.namespace, &pod, &start, seconds()).map_err(Denied::limited)?;
    Ok(verdict)
}
