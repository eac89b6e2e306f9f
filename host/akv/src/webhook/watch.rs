//! What the webhook watches: resources, for the plugins that they use, and plugins.

use crate::controller::plugins::PluginStore;
use crate::controller::unreadable::readable;
use akv_api::AzureKeyVaultSecret;
use akv_api::plugin::AzureKeyVaultPlugin;
use akv_process::admin::Readiness;
use futures::StreamExt;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// A plugin whose source is not there yet is looked at again after so long, as in the controller.
const RETRY: Duration = Duration::from_secs(10);

/// Every resource of one namespace, or of all, as it is now.
pub fn resources(client: Client, namespace: Option<&str>, readiness: Readiness) -> Store<AzureKeyVaultSecret> {
    let (store, writer) = reflector::store();
    // What cannot be read is the controller's to say.
    let api = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let events = readable::<AzureKeyVaultSecret>(None, api, watcher::Config::default());
    let seen = reflector::reflector(writer, events.default_backoff());
    tokio::spawn(async move {
        let mut seen = std::pin::pin!(seen);
        while let Some(event) = seen.next().await {
            match event {
                Ok(watcher::Event::InitDone) => readiness.done("resources"),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the watch of resources was interrupted; it goes on by itself"),
            }
        }
    });
    store
}

/// Keeps the store current.
pub fn plugins(client: Client, plugins: PluginStore, readiness: Readiness) {
    tokio::spawn(async move {
        let events = readable::<AzureKeyVaultPlugin>(None, Api::all(client.clone()), watcher::Config::default());
        let mut seen = std::pin::pin!(events.default_backoff());
        let mut again = tokio::time::interval(RETRY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Those that cannot be used yet, and the names that a list has given so far.
        let (mut waiting, mut listed) = (BTreeMap::new(), BTreeSet::new());
        loop {
            let event = tokio::select! {
                event = seen.next() => event,
                _ = again.tick() => {
                    for found in std::mem::take(&mut waiting).into_values() {
                        learn(&client, &plugins, found, &mut waiting).await;
                    }
                    continue;
                }
            };
            match event {
                Some(Ok(watcher::Event::Apply(found))) => learn(&client, &plugins, found, &mut waiting).await,
                Some(Ok(watcher::Event::Delete(gone))) => {
                    waiting.remove(&gone.name_any());
                    plugins.remove(&gone.name_any());
                }
                Some(Ok(watcher::Event::Init)) => listed.clear(),
                Some(Ok(watcher::Event::InitApply(found))) => {
                    listed.insert(found.name_any());
                    learn(&client, &plugins, found, &mut waiting).await;
                }
                Some(Ok(watcher::Event::InitDone)) => {
                    // What was deleted while nobody watched is in no event.
                    waiting.retain(|name, _| listed.contains(name));
                    plugins.retain(&listed);
                    readiness.done("plugins");
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "the watch of plugins was interrupted; it goes on by itself");
                }
                None => return,
            }
        }
    });
}

async fn learn(
    client: &Client,
    plugins: &PluginStore,
    found: AzureKeyVaultPlugin,
    waiting: &mut BTreeMap<String, AzureKeyVaultPlugin>,
) {
    let name = found.name_any();
    if plugins.learn(client, &found).await {
        waiting.remove(&name);
    } else {
        waiting.insert(name, found);
    }
}
