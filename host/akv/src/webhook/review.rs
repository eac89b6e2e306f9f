//! The AdmissionReview of `admission.k8s.io`, v1 and v1beta1: the same shape in both.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request of the API server. The object stays JSON: what this version does not know is kept.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    api_version: String,
    request: Request,
}

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Goes back in the answer.
    pub uid: String,
    /// The namespace; empty for what has none.
    #[serde(default)]
    pub namespace: String,
    /// `ephemeralcontainers`, for a debug container.
    #[serde(default)]
    pub sub_resource: String,
    /// The object.
    #[serde(default)]
    pub object: Value,
    /// The object before an update.
    #[serde(default)]
    pub old_object: Value,
}

/// The answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// Why the object is refused; it is admitted without one.
    pub refused: Option<String>,
    /// What the user is shown.
    pub warnings: Vec<String>,
    /// The difference between the object and what it becomes.
    pub patch: Option<json_patch::Patch>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    api_version: &'a str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Value>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

impl Review {
    /// Reads a request.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let review: Self = serde_json::from_slice(body).map_err(|e| format!("this is no AdmissionReview: {e}"))?;
        match review.api_version.as_str() {
            "admission.k8s.io/v1" | "admission.k8s.io/v1beta1" => Ok(review),
            other => Err(format!("{other:?} is no version of AdmissionReview that is known here")),
        }
    }

    /// What is asked.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The answer, as the API server reads it.
    pub fn answer(&self, answer: &Answer) -> Vec<u8> {
        use base64::Engine as _;
        let patch = answer.patch.as_ref().filter(|patch| !patch.0.is_empty());
        let patch = patch.and_then(|patch| serde_json::to_vec(patch).ok());
        let written = Written {
            api_version: &self.api_version,
            kind: "AdmissionReview",
            response: Response {
                uid: &self.request.uid,
                allowed: answer.refused.is_none(),
                status: answer.refused.as_ref().map(|message| serde_json::json!({"code": 403, "message": message})),
                warnings: &answer.warnings,
                patch_type: patch.is_some().then_some("JSONPatch"),
                patch: patch.map(|patch| base64::engine::general_purpose::STANDARD.encode(patch)),
            },
        };
        // Text, numbers and lists always become JSON.
        serde_json::to_vec(&written).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn review(version: &str) -> Result<Review, String> {
        Review::parse(
            json!({"apiVersion": version, "kind": "AdmissionReview", "request": {"uid": "u", "object": {"a": 1}}})
                .to_string()
                .as_bytes(),
        )
    }

    #[test]
    fn an_answer_has_the_version_of_its_question() {
        for version in ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"] {
            let answer: Value =
                serde_json::from_slice(&review(version).expect("known").answer(&Answer::default())).expect("JSON");
            assert_eq!(
                answer,
                json!({"apiVersion": version, "kind": "AdmissionReview", "response": {"uid": "u", "allowed": true}})
            );
        }
        assert!(review("admission.k8s.io/v2").is_err() && Review::parse(b"").is_err() && Review::parse(b"{}").is_err());
    }

    #[test]
    fn a_refusal_has_a_sentence_and_a_change_a_patch() {
        let refused =
            Answer { refused: Some("because".to_owned()), warnings: vec!["w".to_owned()], ..Answer::default() };
        let answer: Value =
            serde_json::from_slice(&review("admission.k8s.io/v1").expect("known").answer(&refused)).expect("JSON");
        assert_eq!(
            answer["response"],
            json!({"uid": "u", "allowed": false, "status": {"code": 403, "message": "because"}, "warnings": ["w"]})
        );
        let patch = json_patch::diff(&json!({"a": 1}), &json!({"a": 2}));
        let changed = Answer { patch: Some(patch), ..Answer::default() };
        let answer: Value =
            serde_json::from_slice(&review("admission.k8s.io/v1").expect("known").answer(&changed)).expect("JSON");
        assert_eq!(answer["response"]["patchType"], "JSONPatch");
    }

    /// A review with pieces that are not what they should be.
    fn almost() -> impl Strategy<Value = Vec<u8>> {
        let value = prop_oneof![
            Just(json!(null)),
            Just(json!([])),
            Just(json!({})),
            Just(json!("db@azurekeyvault")),
            any::<i64>().prop_map(|n| json!(n)),
            Just(json!({"spec": {"containers": [{"env": [{"value": "${db@azurekeyvault}"}]}]}})),
        ];
        let fields = ["uid", "namespace", "subResource", "object", "oldObject", "operation", "kind"];
        proptest::collection::vec(proptest::option::of(value), fields.len()).prop_map(move |values| {
            let request: serde_json::Map<_, _> =
                fields.iter().zip(values).filter_map(|(field, value)| Some(((*field).to_owned(), value?))).collect();
            json!({"apiVersion": "admission.k8s.io/v1", "request": request}).to_string().into_bytes()
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(Review::parse(&bytes).is_err());
        }

        #[test]
        fn what_is_almost_a_review_is_refused_or_answered_with_its_uid(bytes in almost()) {
            if let Ok(review) = Review::parse(&bytes) {
                let answer: Value = serde_json::from_slice(&review.answer(&Answer::default())).expect("JSON");
                prop_assert_eq!(answer["response"]["uid"].as_str(), Some(review.request().uid.as_str()));
            }
        }
    }
}
