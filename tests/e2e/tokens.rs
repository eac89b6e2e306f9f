//! Tokens of pods, as the injector hands them to a token service.

use akv_tests::Node;
use akv_tests::node::pod;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

const AUDIENCE: &str = "api://AzureADTokenExchange";

#[tokio::test]
async fn a_projected_token_has_its_audience_and_is_bound_to_its_pod() {
    let node = Node::shared().await;
    let namespace = node.namespace("token", &[]).await;
    let source = json!({"serviceAccountToken": {"path": "token", "audience": AUDIENCE, "expirationSeconds": 3600}});
    let mut pod = pod::probe("bound", &["read", "/var/run/azure/token", "then", "sleep"]);
    pod["spec"]["volumes"] = json!([{"name": "azure", "projected": {"sources": [source]}}]);
    pod["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "azure", "mountPath": "/var/run/azure"}]);
    // Else it would be root's alone.
    pod["spec"]["securityContext"] = json!({"fsGroup": 65532});
    let bound = node.create(&namespace, pod).await;
    let read = bound.report("main").await;
    let token = read["content"].as_str().unwrap_or_else(|| panic!("no token was read: {}", read["error"]));

    let claims = token.split('.').nth(1).expect("a token has three parts");
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON");
    assert_eq!(claims["aud"], json!([AUDIENCE]));
    assert_eq!(claims["iss"], node.cluster().issuer());
    assert_eq!(claims["kubernetes.io"]["pod"]["name"], "bound");

    let review = TokenReview {
        spec: TokenReviewSpec { token: Some(token.to_owned()), audiences: Some(vec![AUDIENCE.to_owned()]) },
        ..TokenReview::default()
    };
    let reviews = Api::<TokenReview>::all(node.cluster().admin().await);
    let status = reviews.create(&PostParams::default(), &review).await.expect("the administrator may").status;
    let status = status.expect("a review is answered");
    assert_eq!(status.authenticated, Some(true), "{:?}", status.error);
    let user = status.user.and_then(|user| user.username).unwrap_or_default();
    assert_eq!(user, format!("system:serviceaccount:{}:default", namespace.name()));
}
