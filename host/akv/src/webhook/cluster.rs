//! What the auth service asks the API server.

use super::state::State;
use akv_core::auth::{Claims, NotThisPod, claims};
use akv_wire::name::audience;
use http::Request;
use kube::Client;
use serde_json::{Value, json};

/// A pod; `None` if there is none.
pub async fn pod(client: &Client, namespace: &str, name: &str) -> kube::Result<Option<Value>> {
    get(client, &format!("/api/v1/namespaces/{namespace}/pods/{name}"), &[namespace, name]).await
}

/// Whether injection is on in a namespace.
pub async fn labelled(state: &State, namespace: &str) -> kube::Result<bool> {
    let found = get(&state.client, &format!("/api/v1/namespaces/{namespace}"), &[namespace]).await?;
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

/// A name that can be one segment of a path and nothing else.
fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=253).contains(&text.len()) && text.bytes().all(legal) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// What does not follow the syntax of names ends here, before it could be another path.
async fn get(client: &Client, path: &str, names: &[&str]) -> kube::Result<Option<Value>> {
    if !names.iter().all(|name| is_name(name)) {
        return Ok(None);
    }
    let request = Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    match client.request(request).await {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_name_is_one_segment() {
        assert!(is_name("web-1.x") && is_name("0") && is_name(&"a".repeat(253)));
        for text in ["", ".", "..", "a/b", "a?b", "a%2fb", "A", "a b", "-a", "ä", &"a".repeat(254)] {
            assert!(!is_name(text), "{text}");
        }
    }
}
