//! A resource that is gone: leaving its targets, again and again until it is done.

use super::context::Context;
use super::metrics::SyncLabels;
use super::{targets, write};
use akv_api::{AzureKeyVaultSecret, reason};
use akv_core::retry::next_try;
use akv_core::target::Claimant;
use kube::Api;
use std::sync::Arc;
use tokio::time::sleep;

/// Leaves the targets of a resource that is gone. What fails is tried again later and later; nobody else would do it, since
/// the resource has no next look.
pub async fn forget(namespace: String, resource: String, context: Arc<Context>) {
    let place = (namespace, resource);
    if !context.leaving.begin(&place) {
        return;
    }
    let labels = SyncLabels { operation: "delete", object: "AzureKeyVaultSecret" };
    for failures in 1.. {
        let Err(error) = leave(&place.0, &place.1, &context).await else { break };
        context.metrics.syncs_failed.get_or_create(&labels).inc();
        let wait = next_try(reason::TARGET_REFUSED, None, failures, context.interval);
        tracing::warn!(
            %error,
            namespace = place.0,
            name = place.1,
            next_try_seconds = wait.as_secs(),
            "the keys of a deleted resource could not be removed yet"
        );
        sleep(wait).await;
    }
    context.leaving.end(&place);
}

/// The garbage collector deletes what was the resource's alone; keys in shared and adopted targets are ours to remove.
/// Every target is tried; the error is that of the first that failed.
async fn leave(namespace: &str, resource: &str, context: &Context) -> kube::Result<()> {
    let _turn = context.leaving.turn().await;
    let api = Api::<AzureKeyVaultSecret>::namespaced(context.client.clone(), namespace);
    // The store holds selected resources only, and may be behind; the server knows.
    if api.get_metadata_opt(resource).await?.is_some() {
        return Ok(());
    }
    context.forget_gone();
    let labels = SyncLabels { operation: "delete", object: "AzureKeyVaultSecret" };
    context.metrics.syncs.get_or_create(&labels).inc();
    let me = Claimant { namespace: namespace.to_owned(), name: resource.to_owned(), uid: String::new(), created: 0 };
    let mut result = Ok(());
    for (kind, name) in context.index.of(&me.namespace, &me.name, &me.manager()) {
        let left = async {
            let live = targets::read(&context.client, kind, &me.namespace, &name).await?;
            let ours = live.as_ref().is_some_and(|l| l.applied_by(&me.manager()).is_some());
            // With an owner left out of the picture there is nothing to strip: the collector is at work.
            let others =
                live.as_ref().is_some_and(|l| l.owners.iter().all(|o| o.name != me.name) || l.owners.len() > 1);
            if ours && others { write::leave(context, &me, kind, &name).await } else { Ok(()) }
        };
        result = result.and(left.await);
    }
    result
}
