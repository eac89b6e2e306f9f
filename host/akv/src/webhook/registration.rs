//! The CA bundle in our webhook configurations: no chart renders it, so two renders are the same and nothing is old.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::watch_object;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// A configuration whose webhooks have CA bundles.
pub trait Bundled: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static {
    /// The bundle of each webhook, in order.
    fn bundles(&self) -> Vec<Option<&ByteString>>;
}

impl Bundled for MutatingWebhookConfiguration {
    fn bundles(&self) -> Vec<Option<&ByteString>> {
        self.webhooks.iter().flatten().map(|w| w.client_config.ca_bundle.as_ref()).collect()
    }
}

impl Bundled for ValidatingWebhookConfiguration {
    fn bundles(&self) -> Vec<Option<&ByteString>> {
        self.webhooks.iter().flatten().map(|w| w.client_config.ca_bundle.as_ref()).collect()
    }
}

/// Watches the configuration of this name and puts the bundle in whenever it is missing or another. It ends with the
/// process.
pub async fn keep<K: Bundled>(client: Client, name: String, pem: String) {
    let api = Api::<K>::all(client);
    let seen = watch_object(api.clone(), &name).default_backoff().map_err(|e: watcher::Error| e);
    let mut seen = std::pin::pin!(seen);
    while let Some(next) = seen.next().await {
        match next {
            Ok(Some(found)) => put(&api, &found, &pem).await,
            Ok(None) => tracing::info!(name, "there is no such webhook configuration yet"),
            Err(error) => tracing::warn!(name, %error, "the webhook configuration cannot be watched"),
        }
    }
}

async fn put<K: Bundled>(api: &Api<K>, found: &K, pem: &str) {
    let wrong = |bundle: &Option<&ByteString>| bundle.is_none_or(|bundle| bundle.0 != pem.as_bytes());
    let bundles = found.bundles();
    let bundle = ByteString(pem.as_bytes().to_vec());
    let changes = bundles.iter().enumerate().filter(|(_, bundle)| wrong(bundle));
    let mut patch: Vec<_> = changes
        .map(|(n, _)| json!({"op": "add", "path": format!("/webhooks/{n}/clientConfig/caBundle"), "value": bundle}))
        .collect();
    if patch.is_empty() {
        return;
    }
    // Whoever changed the list meanwhile made other places of it; the next look sees them.
    patch.insert(0, json!({"op": "test", "path": "/metadata/resourceVersion", "value": found.resource_version()}));
    let Ok(patch) = serde_json::from_value(json!(patch)) else {
        return;
    };
    match api.patch(&found.name_any(), &PatchParams::default(), &Patch::<()>::Json(patch)).await {
        Ok(_) => tracing::info!(name = found.name_any(), "the CA bundle was put into the webhook configuration"),
        Err(error) => {
            tracing::warn!(name = found.name_any(), %error, "the CA bundle could not be put into the webhook configuration")
        }
    }
}
