//! The registration that the chart ships, as it would be rendered for an installation.

use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use xtask::layout;

/// The two configurations of the installation in the namespace `home`, for namespaces whose injection label has the value
/// `home`, and calling `address` instead of a Service.
pub fn configurations(name: &str, home: &str, address: SocketAddr) -> Vec<Value> {
    let path = layout::root().join("charts/akv2k8s/files/webhooks.yaml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = text
        .replace("__NAME__", name)
        .replace("__NAMESPACE__", home)
        .replace("__SERVICE__", "akv2k8s-envinjector")
        .replace("__PORT__", "443")
        .replace("__LABEL_NAME__", akv_api::name::INJECTION_LABEL)
        .replace("__LABEL_VALUE__", home);
    assert!(!text.contains("__"), "webhooks.yaml has a placeholder that nobody fills");
    let documents = serde_yaml_ng::Deserializer::from_str(&text).map(Value::deserialize);
    let mut documents: Vec<Value> =
        documents.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for webhook in documents.iter_mut().flat_map(|d| d["webhooks"].as_array_mut().into_iter().flatten()) {
        let path = webhook["clientConfig"]["service"]["path"].as_str().unwrap_or_default().to_owned();
        webhook["clientConfig"] = json!({"url": format!("https://{address}{path}")});
    }
    // Resources are looked at everywhere; a test shares its cluster with others.
    for webhook in documents[1]["webhooks"].as_array_mut().into_iter().flatten() {
        webhook["namespaceSelector"]["matchLabels"] = json!({akv_api::name::INJECTION_LABEL: home});
    }
    documents
}
