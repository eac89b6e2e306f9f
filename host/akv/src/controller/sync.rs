//! One look at one resource, from its spec to its targets.

use super::context::{Context, Memory};
use super::outcome::{Outcome, Trouble, troubles};
use super::targets::{self, TargetKind};
use super::write::{self, Wanted};
use akv_api::AzureKeyVaultSecret;
use akv_core::{Entry, Output, Recipe, VaultObject};
use akv_plugin::Plugins;
use akv_plugin::render::Needs;
use futures::future::join_all;
use kube::{Resource, ResourceExt};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// Whether the vault has to be read, and why not.
pub enum Look {
    /// Everything was done.
    Whole(Outcome),
    /// Nothing is due and every target is as it was left.
    NothingDue,
}

/// Looks at a resource and makes its targets current.
pub async fn sync(resource: &AzureKeyVaultSecret, context: &Context, memory: Option<&Memory>) -> (Look, u64) {
    let namespace = resource.namespace().unwrap_or_default();
    let (recipe, warnings) = match Recipe::parse(&resource.spec) {
        Ok(parsed) => parsed,
        Err(faults) => {
            let troubles = faults.into_iter().map(Trouble::from).collect();
            return (Look::Whole(Outcome { troubles, ..Outcome::default() }), 0);
        }
    };
    let warnings: Vec<String> = warnings.into_iter().map(|w| format!("{}: {}", w.path, w.message)).collect();
    let (plugins, revision) = match context.plugins.for_namespace(&context.client, &namespace, &recipe).await {
        Ok(allowed) => (Arc::new(allowed.plugins), allowed.revision),
        Err(troubles) => {
            return (Look::Whole(Outcome { troubles, warnings, ..Outcome::default() }), 0);
        }
    };
    let troubles = refused_before_reading(&namespace, &recipe, &plugins, context).await;
    if !troubles.is_empty() {
        return (Look::Whole(Outcome { troubles, warnings, ..Outcome::default() }), revision);
    }
    if let Some(memory) = memory
        && !is_due(resource, memory, revision)
        && (!memory.well || as_left(resource, context, memory).await)
    {
        return (Look::NothingDue, revision);
    }
    (Look::Whole(whole(resource, context, recipe, plugins, warnings).await), revision)
}

fn is_due(resource: &AzureKeyVaultSecret, memory: &Memory, revision: u64) -> bool {
    memory.generation != resource.meta().generation
        || memory.metadata != metadata_hash(resource)
        || memory.plugins != revision
        || memory.next_read.is_some_and(|at| Instant::now() >= at)
}

/// Whether every target still is as the last look left it.
async fn as_left(resource: &AzureKeyVaultSecret, context: &Context, memory: &Memory) -> bool {
    let me = targets::claimant(resource);
    for left in &memory.targets {
        match targets::read(&context.client, left.kind, &me.namespace, &left.name).await {
            Ok(Some(live))
                if write::digest_of(context, &live, &left.keys) == left.digest
                    && live.belongs_to(&me.uid, &me.manager()) => {}
            _ => return false,
        }
    }
    let mine = context.index.of(&me.namespace, &me.name, &me.manager());
    mine.iter().all(|(kind, name)| memory.targets.iter().any(|t| t.kind == *kind && t.name == *name))
}

async fn whole(
    resource: &AzureKeyVaultSecret,
    context: &Context,
    recipe: Recipe,
    plugins: Arc<Plugins>,
    mut warnings: Vec<String>,
) -> Outcome {
    let recipe = Arc::new(recipe);
    if recipe.outputs.is_empty() {
        let troubles = write::leave_unwanted(resource, context, &[]).await;
        return Outcome { troubles, warnings, ..Outcome::default() };
    }
    let needs = match needs(context, &recipe, &plugins).await {
        Ok(needs) => needs,
        Err(troubles) => {
            return Outcome { troubles, warnings, ..Outcome::default() };
        }
    };
    let objects = match read(context, &recipe, &needs).await {
        Ok(objects) => objects,
        Err(troubles) => {
            return Outcome { troubles, read_failed: true, warnings, ..Outcome::default() };
        }
    };
    warnings.extend(write::validity_warnings(&objects));
    let facts: Vec<VaultObject> =
        objects.iter().map(|o| VaultObject { private: None, public: None, ..o.clone() }).collect();
    let rendered = render(context, &recipe, &plugins, objects).await;
    let mut outcome = Outcome { warnings, objects: Some(facts), ..Outcome::default() };
    let mut wanted = Vec::new();
    for (output, entries) in recipe.outputs.iter().zip(rendered) {
        match entries {
            Ok(entries) => wanted.push(write::wanted(resource, &output.target, entries)),
            Err(trouble) => {
                // A step or a format that two targets share is said once.
                if !outcome.troubles.contains(&trouble) {
                    outcome.troubles.push(trouble);
                }
                // Its target stays as it is; it must not be taken for one that is no longer wanted.
                wanted.push(write::wanted_name(&output.target));
            }
        }
    }
    for wanted in wanted.iter().flatten() {
        match write::make_current(resource, context, wanted).await {
            Ok(Some(written)) => outcome.written.push(written),
            Ok(None) => {}
            Err(trouble) => outcome.troubles.push(trouble.at(wanted.path())),
        }
    }
    let keep: Vec<(TargetKind, String)> = wanted.iter().flatten().map(Wanted::place).collect();
    outcome.troubles.extend(write::leave_unwanted(resource, context, &keep).await);
    outcome
}

async fn refused_before_reading(
    namespace: &str,
    recipe: &Recipe,
    plugins: &Arc<Plugins>,
    context: &Context,
) -> Vec<Trouble> {
    let denied: Vec<Trouble> = recipe
        .objects
        .iter()
        .filter_map(|d| context.policy.allows(namespace, &recipe.vault, &d.object).err())
        .map(Trouble::from)
        .collect();
    if !denied.is_empty() {
        return denied;
    }
    let (recipe, plugins) = (recipe.clone(), plugins.clone());
    troubles(call(context, move || akv_plugin::render::check(&recipe, &plugins)).await)
}

/// Which parts of which object any output needs.
async fn needs(context: &Context, recipe: &Arc<Recipe>, plugins: &Arc<Plugins>) -> Result<Needs, Vec<Trouble>> {
    let (recipe, plugins) = (recipe.clone(), plugins.clone());
    call(context, move || akv_plugin::render::needs(&recipe, &plugins)).await.map_err(troubles)
}

/// Reads every object once, at the same time. All troubles are said at once.
async fn read(context: &Context, recipe: &Recipe, needs: &Needs) -> Result<Vec<VaultObject>, Vec<Trouble>> {
    let none = BTreeSet::new();
    let reads = recipe.objects.iter().map(|description| async {
        let parts = needs.get(&description.alias).unwrap_or(&none);
        let result = context.vault.read(&recipe.vault, description, parts).await;
        let outcome = result.as_ref().map_or_else(|e| e.reason(), |_| "ok");
        let labels = super::metrics::ReadLabels { vault: recipe.vault.as_str().to_owned(), outcome };
        context.metrics.vault_reads.get_or_create(&labels).inc();
        result
    });
    let mut objects = Vec::new();
    let mut troubles = Vec::new();
    for result in join_all(reads).await {
        match result {
            Ok(object) => objects.push(object),
            Err(error) => troubles.push(Trouble::from(error)),
        }
    }
    if troubles.is_empty() { Ok(objects) } else { Err(troubles) }
}

/// Transforms once, then renders each output.
async fn render(
    context: &Context,
    recipe: &Arc<Recipe>,
    plugins: &Arc<Plugins>,
    objects: Vec<VaultObject>,
) -> Vec<Result<Vec<Entry>, Trouble>> {
    let (recipe, plugins) = (recipe.clone(), plugins.clone());
    call(context, move || match akv_plugin::render::transform(&recipe, &plugins, objects) {
        Err(placed) => {
            let trouble = Trouble::from(placed);
            recipe.outputs.iter().map(|_| Err(trouble.clone())).collect()
        }
        Ok(objects) => {
            let render = |output: &Output| akv_plugin::render::render(&recipe, output, &plugins, &objects);
            let placed = |output: &Output| render(output).map_err(|fault| Trouble::from((output.path.as_str(), fault)));
            recipe.outputs.iter().map(placed).collect()
        }
    })
    .await
}

/// Plugin calls block, so they leave the async threads.
async fn call<T: Send + 'static>(context: &Context, work: impl FnOnce() -> T + Send + 'static) -> T {
    let _permit = context.calls.acquire().await;
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        // A panic in the host's own code: go on unwinding where it can be seen.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Changes when something changes that is copied to targets and does not count as a generation.
pub fn metadata_hash(resource: &AzureKeyVaultSecret) -> u64 {
    let mut hasher = DefaultHasher::new();
    resource.labels().hash(&mut hasher);
    resource.annotations().hash(&mut hasher);
    hasher.finish()
}
