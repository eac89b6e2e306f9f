//! The shell around a sync: remember, count, report, and say when to look again.

use super::context::{Context, Memory};
use super::metrics::{ReasonLabels, SyncLabels};
use super::outcome::Outcome;
use super::status;
use super::sync::{Look, metadata_hash, sync};
use akv_api::AzureKeyVaultSecret;
use akv_core::retry::next_try;
use k8s_openapi::jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::runtime::events::{Event, EventType};
use kube::{Resource, ResourceExt};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Looks at one resource.
pub async fn reconcile(resource: Arc<AzureKeyVaultSecret>, context: Arc<Context>) -> Result<Action, Infallible> {
    let uid = resource.uid().unwrap_or_default();
    let memory = context.recall(&uid);
    let labels = labels(&resource, memory.as_ref());
    let began = Instant::now();
    let (look, plugins) = sync(&resource, &context, memory.as_ref()).await;
    let outcome = match look {
        Look::NothingDue => return Ok(again(memory.and_then(|m| m.next_read))),
        Look::Whole(outcome) => outcome,
    };
    context.metrics.syncs.get_or_create(&labels).inc();
    context.metrics.duration.observe(began.elapsed().as_secs_f64());
    let failures = if outcome.complete() { 0 } else { memory.as_ref().map_or(0, |m| m.failures) + 1 };
    let next_read = next_read(&outcome, failures, context.interval);
    report(&resource, &context, &outcome, &labels, next_read).await;
    let kept = memory.map(|m| m.targets).unwrap_or_default();
    let well = outcome.complete();
    context.remember(
        &uid,
        Memory {
            generation: resource.meta().generation,
            metadata: metadata_hash(&resource),
            plugins,
            next_read,
            failures,
            well,
            targets: if well { outcome.written } else { kept },
        },
    );
    Ok(again(next_read))
}

fn labels(resource: &AzureKeyVaultSecret, memory: Option<&Memory>) -> SyncLabels {
    match memory {
        None => SyncLabels { operation: "add", object: "AzureKeyVaultSecret" },
        Some(memory) if memory.generation != resource.meta().generation => {
            SyncLabels { operation: "update", object: "AzureKeyVaultSecret" }
        }
        Some(_) => SyncLabels { operation: "update", object: "AzureKeyVault" },
    }
}

/// `None` where only a change of the resource or of its targets brings the next look.
fn next_read(outcome: &Outcome, failures: u32, interval: Duration) -> Option<Instant> {
    let wait = match outcome.troubles.first() {
        None if interval.is_zero() => return None,
        None => interval,
        Some(_) => {
            let waits = outcome.troubles.iter().map(|t| next_try(t.reason, t.retry_after, failures, interval));
            waits.max().unwrap_or(interval)
        }
    };
    Some(Instant::now() + wait)
}

fn again(next_read: Option<Instant>) -> Action {
    match next_read {
        None => Action::await_change(),
        Some(at) => Action::requeue(at.saturating_duration_since(Instant::now())),
    }
}

/// Status, event, log and counters. What is as before is not said again.
async fn report(
    resource: &AzureKeyVaultSecret,
    context: &Context,
    outcome: &Outcome,
    labels: &SyncLabels,
    next_read: Option<Instant>,
) {
    // What a leader that was replaced has to say is out of date.
    context.leadership.held().await;
    let namespace = resource.namespace().unwrap_or_default();
    let name = resource.name_any();
    let next = status::next(resource, outcome, Timestamp::now());
    let (before, after) = (resource.ready(), next.condition("Ready"));
    let said = before.map(|c| (&c.status, &c.reason, &c.message)) == after.map(|c| (&c.status, &c.reason, &c.message));
    for trouble in &outcome.troubles {
        context.metrics.failures.get_or_create(&ReasonLabels { reason: trouble.reason }).inc();
        let seconds = next_read.map(|at| at.saturating_duration_since(Instant::now()).as_secs_f64().round());
        tracing::warn!(
            namespace,
            name,
            reason = trouble.reason,
            message = trouble.message,
            next_try_seconds = seconds,
            "not current"
        );
    }
    if !outcome.complete() {
        let failed = if outcome.read_failed {
            SyncLabels { operation: "sync", object: "AzureKeyVault" }
        } else {
            labels.clone()
        };
        context.metrics.syncs_failed.get_or_create(&failed).inc();
    }
    let wrote = outcome.written.iter().any(|w| w.now);
    if wrote {
        tracing::info!(namespace, name, "{}", outcome.summary());
    }
    if let Some(condition) = after
        && (!said || wrote)
    {
        let type_ = if outcome.complete() { EventType::Normal } else { EventType::Warning };
        let event = Event {
            type_,
            reason: condition.reason.clone(),
            note: Some(cut(&condition.message, 1000)),
            action: "Sync".to_owned(),
            secondary: None,
        };
        if let Err(error) = context.recorder.publish(&event, &resource.object_ref(&())).await {
            tracing::debug!(%error, namespace, name, "the event could not be written");
        }
    }
    if let Err(error) = status::write(&context.client, resource, &next).await {
        tracing::warn!(%error, namespace, name, "the status could not be written; it is tried again with the next look");
    }
}

fn cut(text: &str, limit: usize) -> String {
    text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= limit).map(|(_, c)| c).collect()
}
