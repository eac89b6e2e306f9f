//! Values that are made here, for containers that get no credentials or cannot run a plugin.

use super::state::State;
use crate::controller::outcome::{Trouble, troubles};
use akv_core::{Entry, Output, Recipe, VaultObject, variable};
use akv_plugin::Plugins;
use akv_plugin::render::{self, Needs};
use akv_wire::WireValue;
use akv_wire::message::{Answer, Refused, Wanted};
use futures::future::try_join_all;
use std::collections::BTreeSet;

/// Reads what the references of one resource need, and renders each of them.
pub async fn values(state: &State, namespace: &str, recipe: &Recipe, wanted: &Wanted) -> Answer {
    match make(state, namespace, recipe, wanted).await {
        Ok(answer) => answer,
        Err(trouble) => refusal(trouble),
    }
}

/// What a container is told of a trouble.
pub fn refusal(trouble: Trouble) -> Answer {
    Answer::Refused(Refused {
        reason: trouble.reason.to_owned(),
        message: trouble.message,
        retry_after: trouble.retry_after.map(|after| after.as_secs()),
        again: passes(trouble.reason),
    })
}

/// One resource that is not given.
pub fn refused(reason: &str, message: String, again: bool) -> Answer {
    Answer::Refused(Refused { reason: reason.to_owned(), message, retry_after: None, again })
}

/// Whether a trouble may be over in a moment without anybody doing something; asking again for others only costs reads.
fn passes(reason: &str) -> bool {
    use akv_api::reason::{
        IDENTITY_FAILED, PLUGIN_NOT_READY, TARGET_REFUSED, VAULT_THROTTLED, VAULT_UNAUTHORIZED, VAULT_UNAVAILABLE,
    };
    // `TargetRefused` stands here for an API server that did not answer.
    let passing =
        [IDENTITY_FAILED, PLUGIN_NOT_READY, TARGET_REFUSED, VAULT_THROTTLED, VAULT_UNAUTHORIZED, VAULT_UNAVAILABLE];
    passing.contains(&reason)
}

async fn make(state: &State, namespace: &str, recipe: &Recipe, wanted: &Wanted) -> Result<Answer, Trouble> {
    let Some(vault) = &state.vault else {
        return Ok(refused(akv_wire::reason::UNAVAILABLE, "the auth service is off".to_owned(), false));
    };
    let (recipe, plugins) = outputs(state, namespace, recipe, wanted).await?;
    let (recipe, needs) = call(state, {
        let (recipe, plugins) = (recipe.clone(), plugins.clone());
        move || needs(&recipe, &plugins).map(|needs| (recipe, needs))
    })
    .await?;
    let none = BTreeSet::new();
    let reads = recipe
        .objects
        .iter()
        .map(|description| vault.read(&recipe.vault, description, needs.get(&description.alias).unwrap_or(&none)));
    let objects = try_join_all(reads).await?;
    let rendered = call(state, move || all(&recipe, &plugins, objects)).await?;
    let mut rendered = rendered.into_iter();
    let mut values = Vec::new();
    for (query, entries) in wanted.queries.iter().zip(rendered.by_ref()) {
        match variable::value(entries, query.as_deref()) {
            Ok(value) => values.push(WireValue::new(value.expose().to_vec())),
            Err(why) => return Ok(refused(akv_api::reason::INVALID_INPUT, why, false)),
        }
    }
    let files = rendered.next().unwrap_or_default();
    let files = files.into_iter().map(|entry| (entry.key, WireValue::new(entry.value.expose().to_vec())));
    Ok(Answer::Values { values, files: files.collect() })
}

/// The config of everything that a container would run, against the schemas of the plugins: it has none of them itself.
pub async fn check(state: &State, namespace: &str, recipe: &Recipe, wanted: &Wanted) -> Result<(), Trouble> {
    let (recipe, plugins) = outputs(state, namespace, recipe, wanted).await?;
    call(state, move || checked(&recipe, &plugins)).await
}

/// One output for each query, and one for files: a reference without a query that gives every entry.
async fn outputs(
    state: &State,
    namespace: &str,
    recipe: &Recipe,
    wanted: &Wanted,
) -> Result<(Recipe, Plugins), Trouble> {
    let plugins = state.plugins.for_namespace(&state.client, namespace, recipe).await.map_err(first)?.plugins;
    let queries = wanted.queries.iter().map(Option::as_deref).chain(wanted.files.then_some(None));
    let outputs: Vec<Output> = queries.map(|query| Output::environment(recipe, query)).collect();
    Ok((Recipe { outputs, ..recipe.clone() }, plugins))
}

fn checked(recipe: &Recipe, plugins: &Plugins) -> Result<(), Trouble> {
    let faults = render::check(recipe, plugins);
    if faults.is_empty() { Ok(()) } else { Err(first(troubles(faults))) }
}

/// A container is told one trouble; the resource's conditions have them all.
fn first(troubles: Vec<Trouble>) -> Trouble {
    let none = Trouble { reason: akv_api::reason::PLUGIN_NOT_READY, message: String::new(), retry_after: None };
    troubles.into_iter().next().unwrap_or(none)
}

fn needs(recipe: &Recipe, plugins: &Plugins) -> Result<Needs, Trouble> {
    checked(recipe, plugins)?;
    render::needs(recipe, plugins).map_err(|faults| first(troubles(faults)))
}

fn all(recipe: &Recipe, plugins: &Plugins, objects: Vec<VaultObject>) -> Result<Vec<Vec<Entry>>, Trouble> {
    let objects = render::transform(recipe, plugins, objects)?;
    let entries = |output: &Output| {
        let rendered = render::render(recipe, output, plugins, &objects);
        rendered.map_err(|fault| Trouble::from((output.path.as_str(), fault)))
    };
    recipe.outputs.iter().map(entries).collect()
}

/// Plugin calls block, so they leave the async threads.
pub async fn call<T: Send + 'static>(
    state: &State,
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let _permit = state.calls.acquire().await;
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
