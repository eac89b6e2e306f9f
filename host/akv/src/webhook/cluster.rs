//! What the auth service asks the API server.

use super::state::State;
use akv_core::auth::{Claims, NotThisPod, claims};
use akv_wire::name::audience;
use http::Request;
use kube::Client;
use serde_json::{Value, json};

/// A pod; `None` if there is none.
pub async fn pod(client: &Client, namespace: &str, name: &str) -> kube::Result<Option<Value>> {
    get(client, &format!("/api/v1/namespaces/{namespace}/pods/{name}")).await
}

/// Whether injection is on in a namespace.
pub async fn labelled(state: &State, namespace: &str) -> kube::Result<bool> {
    let found = get(&state.client, &format!("/api/v1/namespaces/{namespace}")).await?;
    let (name, value) = &state.label;
    Ok(found.is_some_and(|found| found["metadata"]["labels"][name] == *value))
}

/// Whom a container's token speaks for.
pub async fn review(client: &Client, token: &str, container: &str) -> kube::Result<Result<Claims, NotThisPod>> {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": {"token": token, "audiences": [audience(container)]},
    });
    let request =
        Request::post("/apis/authentication.k8s.io/v1/tokenreviews").header("content-type", "application/json");
    let request = request.body(review.to_string().into_bytes()).map_err(kube::Error::HttpError)?;
    let answer: Value = client.request(request).await?;
    Ok(claims(&answer, container))
}

/// `path` holds names of Kubernetes only: what does not follow their syntax ends here, before it could be another path.
async fn get(client: &Client, path: &str) -> kube::Result<Option<Value>> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-./".contains(&byte);
    if !path.bytes().all(legal) || path.contains("..") || path.contains("//") {
        return Ok(None);
    }
    let request = Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    match client.request(request).await {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}
