//! What a TokenReview says of a container's token.

use akv_wire::PodIdentity;
use akv_wire::name::audience;
use serde_json::Value;
use thiserror::Error;

/// The pod that a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Which container of which pod.
    pub identity: PodIdentity,
    /// The pod's service account.
    pub account: String,
}

/// Why a token proves nothing. The text is for the log; whoever sent the token learns only that it was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotThisPod {
    /// The API server does not accept it: expired, of a deleted pod, of another issuer or audience.
    #[error("the API server does not accept the token: {0}")]
    Refused(String),
    /// It was accepted for something else.
    #[error("the token is not for the audience {0}")]
    Audience(String),
    /// It is nobody's pod.
    #[error("the token is not bound to a pod")]
    Unbound,
}

/// Reads the status of a `TokenReview` that was asked for [`audience`] of `container`.
///
/// # Errors
/// Says what is wrong with the token.
pub fn claims(review: &Value, container: &str) -> Result<Claims, NotThisPod> {
    let status = &review["status"];
    if status["authenticated"] != true {
        let why = status["error"].as_str().unwrap_or("no reason given");
        return Err(NotThisPod::Refused(why.to_owned()));
    }
    // An API server that knows no audiences returns none, and then every token of the cluster would do.
    let wanted = audience(container);
    if !status["audiences"].as_array().is_some_and(|list| list.iter().any(|a| *a == *wanted)) {
        return Err(NotThisPod::Audience(wanted));
    }
    let user = status["user"]["username"].as_str().unwrap_or_default();
    let (namespace, account) =
        user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')).ok_or(NotThisPod::Unbound)?;
    let extra = |name: &str| match status["user"]["extra"][name].as_array().map(Vec::as_slice) {
        Some([one]) => one.as_str().ok_or(NotThisPod::Unbound),
        _ => Err(NotThisPod::Unbound),
    };
    let identity = PodIdentity {
        namespace: namespace.to_owned(),
        pod: extra("authentication.kubernetes.io/pod-name")?.to_owned(),
        uid: extra("authentication.kubernetes.io/pod-uid")?.to_owned(),
        container: container.to_owned(),
    };
    // What does not survive its own text would be a certificate for somebody else.
    if PodIdentity::parse(&identity.to_string()).as_ref() != Some(&identity) {
        return Err(NotThisPod::Unbound);
    }
    Ok(Claims { identity, account: account.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn review(changes: impl FnOnce(&mut Value)) -> Value {
        let mut review = json!({"status": {
            "authenticated": true, "audiences": ["akv2k8s.spv.no/app"],
            "user": {"username": "system:serviceaccount:shop:web", "extra": {
                "authentication.kubernetes.io/pod-name": ["web-1"], "authentication.kubernetes.io/pod-uid": ["0b2e"],
            }},
        }});
        changes(&mut review["status"]);
        review
    }

    #[test]
    fn a_bound_token_of_the_containers_audience_is_that_container() {
        let found = claims(&review(|_| {}), "app").expect("claims");
        assert_eq!(found.identity.to_string(), "akv2k8s://pod/shop/web-1/0b2e/app");
        assert_eq!(found.account, "web");
    }

    #[test]
    fn every_other_token_is_nobodys() {
        let check = |container: &str, changes: fn(&mut Value), expected: &str| {
            let error = claims(&review(changes), container).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("app", |s| s["authenticated"] = json!(false), "no reason given");
        check("app", |s| *s = json!({"error": "token expired"}), "token expired");
        check("side", |_| {}, "not for the audience akv2k8s.spv.no/side");
        check("app", |s| s["audiences"] = json!(null), "not for the audience");
        check("app", |s| s["audiences"] = json!(["https://kubernetes.default.svc"]), "not for the audience");
        check("app", |s| s["user"]["username"] = json!("admin"), "not bound");
        check("app", |s| s["user"]["extra"] = json!(null), "not bound");
        check("app", |s| s["user"]["extra"]["authentication.kubernetes.io/pod-name"] = json!(["a", "b"]), "not bound");
        check("app", |s| s["user"]["extra"]["authentication.kubernetes.io/pod-name"] = json!(["a/b"]), "not bound");
    }
}
