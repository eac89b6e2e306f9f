//! `POST /pod/v1/certificate`: a token becomes a certificate of minutes.

use super::audit::{self, Asked, Denied};
use super::cluster;
use super::state::{Shared, State, now, seconds};
use akv_core::auth::{Verdict, may_ask};
use akv_process::tls::Peer;
use akv_wire::PodIdentity;
use akv_wire::message::{CertificateAnswer, CertificateRequest};
use axum::body::Bytes;
use axum::extract::{Extension, State as Extract};
use axum::response::Response;
use zeroize::Zeroize;

/// The kubelet's tokens have one or two KiB.
const LARGEST_TOKEN: usize = 16 << 10;

/// The handler.
pub async fn certificate(Extract(state): Extract<Shared>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let (who, result) = decide(&state, &body).await;
    let asked = Asked { request: "certificate", from: peer.address, who: who.as_ref(), what: "" };
    audit::answer(&state, asked, result)
}

async fn decide(state: &State, body: &[u8]) -> (Option<PodIdentity>, Result<CertificateAnswer, Denied>) {
    let mut request: CertificateRequest = match serde_json::from_slice(body) {
        Ok(request) => request,
        // The parser's words may hold a piece of the token.
        Err(_) => return (None, Err(Denied::malformed("the body is no request for a certificate"))),
    };
    // Nobody is known yet, so what cannot be right costs the API server nothing.
    if !is_label(&request.container) || !is_token(&request.token) {
        return (None, Err(Denied::malformed("the container is none, or the token is none")));
    }
    let reviewed = cluster::review(&state.client, &request.token, &request.container).await;
    request.token.zeroize();
    let claims = match reviewed {
        Ok(Ok(claims)) => claims,
        Ok(Err(why)) => return (None, Err(Denied::unknown("the token proves no container of a pod", why))),
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

/// The name of a container.
fn is_label(name: &str) -> bool {
    (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Three parts of base64url, as every service-account token.
fn is_token(token: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'='))
    };
    token.len() <= LARGEST_TOKEN && token.split('.').count() == 3 && token.split('.').all(part)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256), text in r"\PC{0,40}") {
            prop_assert!(serde_json::from_slice::<CertificateRequest>(&bytes).is_err());
            if is_label(&text) {
                prop_assert!(!text.contains(['/', '.', ' ', '\n']));
            }
            if is_token(&text) {
                prop_assert!(text.is_ascii());
            }
        }
    }

    #[test]
    fn a_token_has_three_parts_and_an_end() {
        assert!(is_token("eyJ.eyJ-_.a") && is_label("app-1"));
        for token in ["", "a", "a.b", "a.b.", "a.b.c.d", "a.b.c\n", "a b.c.d"] {
            assert!(!is_token(token), "{token:?}");
        }
        assert!(!is_token(&format!("{}.b.c", "a".repeat(LARGEST_TOKEN))));
    }
}
