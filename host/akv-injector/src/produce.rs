//! From resources to values, as the controller makes them: the same plugins, asked the same questions.

use crate::failure::Failure;
use crate::patience::Patience;
use crate::timing;
use akv_core::{Description, Entry, ObjectRef, Output, Part, PluginName, Recipe, SecretValue, VaultObject, variable};
use akv_plugin::render::{self, Needs};
use akv_plugin::{Engine, Plugin, Plugins};
use akv_vault::VaultClient;
use akv_wire::Reference;
use akv_wire::message::Wanted;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Reads at the same time. Each is a connection of its own, whose handshake costs as much as some reads over one that is open.
const READS: usize = 4;

/// What came of everything that was asked for.
#[derive(Default)]
pub struct Values {
    values: BTreeMap<Reference, Result<SecretValue, String>>,
    files: BTreeMap<String, Vec<(String, SecretValue)>>,
    left_out: BTreeSet<String>,
}

impl Values {
    /// A value, or why there is none.
    pub fn get(&self, reference: &Reference) -> Option<&Result<SecretValue, String>> {
        self.values.get(reference)
    }

    /// Keeps one.
    pub fn set(&mut self, reference: Reference, value: Result<SecretValue, String>) {
        self.values.insert(reference, value);
    }

    /// The files of a resource.
    pub fn files(&self, resource: &str) -> Option<&[(String, SecretValue)]> {
        self.files.get(resource).map(Vec::as_slice)
    }

    /// Keeps them.
    pub fn set_files(&mut self, resource: &str, entries: Vec<(String, SecretValue)>) {
        self.files.insert(resource.to_owned(), entries);
    }

    /// A resource that may be missing, and is.
    pub fn leave_out(&mut self, resource: &str) {
        self.left_out.insert(resource.to_owned());
    }

    /// Whether it was.
    pub fn is_left_out(&self, resource: &str) -> bool {
        self.left_out.contains(resource)
    }
}

/// A resource that is to be made here.
pub struct Job {
    /// What is wanted of it.
    pub wanted: Wanted,
    /// What it asks for.
    pub recipe: Recipe,
    /// How long to wait before the first read.
    pub wait: Duration,
    /// Whether its objects may be missing.
    pub optional: bool,
}

/// Reads every object of all jobs once, in parallel, and renders every reference.
pub async fn produce(
    vault: &VaultClient,
    jobs: Vec<Job>,
    custom: Vec<Plugin>,
    engine: &Engine,
    patience: Patience,
    values: &mut Values,
) -> Result<(), Failure> {
    let plugins = plugins(engine, &jobs, custom)?;
    let mut reads: BTreeMap<(String, String), Read> = BTreeMap::new();
    let mut planned = Vec::new();
    for job in jobs {
        let outputs = outputs(&job);
        let recipe = Recipe { outputs, ..job.recipe.clone() };
        let needs =
            needs(&recipe, &plugins).map_err(|why| Failure::new(format!("resource {}: {why}", job.wanted.name)))?;
        for description in &recipe.objects {
            let read = reads.entry(key(&recipe, &description.object)).or_insert_with(|| Read::of(&recipe, description));
            read.parts.extend(needs.get(&description.alias).into_iter().flatten());
            read.wait = read.wait.max(job.wait);
        }
        planned.push((job, recipe));
    }
    timing::passed("plugins");
    if timing::asked() {
        // Before the reads, which find it in the credential's cache, so that its time is seen apart; a failure is theirs to tell.
        let _told_by_the_reads = vault.access().await;
        timing::passed("token");
    }
    let begun = tokio::time::Instant::now();
    let objects: BTreeMap<_, _> = futures::stream::iter(reads)
        .map(|(key, read)| async move {
            tokio::time::sleep_until(begun + read.wait).await;
            (key, read.until(vault, patience.afresh()).await)
        })
        .buffer_unordered(READS)
        .collect()
        .await;
    timing::passed("vault");
    for (job, recipe) in planned {
        let name = job.wanted.name.clone();
        let done = match gather(&recipe, &objects) {
            Ok(_) if patience.is_over() => Err("the plugins took too long".to_owned()),
            Ok(objects) => render_all(&job, &recipe, &plugins, objects, values),
            Err(trouble) if job.optional && trouble.reason == akv_api::reason::OBJECT_NOT_FOUND => {
                values.leave_out(&name);
                Ok(())
            }
            Err(Trouble { reason, text, tries: 0 | 1 }) => Err(format!("{reason}: {text}")),
            Err(Trouble { reason, text, tries }) => Err(format!("{reason}: {text}; it was tried {tries} times")),
        };
        done.map_err(|why| Failure::new(format!("resource {name}: {why}")))?;
    }
    timing::passed("plugins");
    Ok(())
}

/// One output for each query, and one for files: a reference without a query that gives every entry.
fn outputs(job: &Job) -> Vec<Output> {
    let queries = job.wanted.queries.iter().map(Option::as_deref).chain(job.wanted.files.then_some(None));
    queries.map(|query| Output::environment(&job.recipe, query)).collect()
}

fn plugins(engine: &Engine, jobs: &[Job], custom: Vec<Plugin>) -> Result<Plugins, Failure> {
    let used = |name: &PluginName| {
        jobs.iter().any(|job| {
            let recipe = &job.recipe;
            recipe.environment.plugin == *name || recipe.pipeline.iter().any(|step| step.plugin == *name)
        })
    };
    let mut plugins = akv_defaults::load_some(engine, used).map_err(|error| Failure::new(error.to_string()))?;
    custom.into_iter().for_each(|plugin| plugins.insert(plugin));
    Ok(plugins)
}

fn needs(recipe: &Recipe, plugins: &Plugins) -> Result<Needs, String> {
    let faults = render::check(recipe, plugins);
    let needs = if faults.is_empty() { render::needs(recipe, plugins) } else { Err(faults) };
    needs.map_err(|faults| faults.first().map(|(path, fault)| format!("{path}: {fault}")).unwrap_or_default())
}

/// One object of one vault.
struct Read {
    vault: akv_core::VaultName,
    description: Description,
    parts: BTreeSet<Part>,
    wait: Duration,
}

/// Two resources may name the same object; it is read once. Key Vault ignores case.
fn key(recipe: &Recipe, object: &ObjectRef) -> (String, String) {
    let version = object.version.as_ref().map(|v| v.as_str()).unwrap_or_default();
    let object = format!("{}/{}/{version}", object.kind.as_str(), object.name.as_str().to_ascii_lowercase());
    (recipe.vault.as_str().to_ascii_lowercase(), object)
}

impl Read {
    fn of(recipe: &Recipe, description: &Description) -> Self {
        let vault = recipe.vault.clone();
        Self { vault, description: description.clone(), parts: BTreeSet::new(), wait: Duration::ZERO }
    }

    async fn until(self, vault: &VaultClient, mut patience: Patience) -> Result<VaultObject, Trouble> {
        let mut last = None;
        loop {
            let Some(read) = patience.within(vault.read(&self.vault, &self.description, &self.parts)).await else {
                return Err(last.unwrap_or_else(|| self.silence()));
            };
            match read {
                Ok(object) => return Ok(object),
                Err(error) => {
                    let again = !error.is_permanent() && patience.wait(error.retry_after()).await;
                    last = Some(Trouble { reason: error.reason(), text: error.to_string(), tries: patience.tries() });
                    if !again {
                        return Err(last.unwrap_or_else(|| self.silence()));
                    }
                }
            }
        }
    }

    fn silence(&self) -> Trouble {
        let text = format!("{} in vault {}: no answer in time", self.description.object.name, self.vault);
        Trouble { reason: akv_api::reason::VAULT_UNAVAILABLE, text, tries: 1 }
    }
}

/// Why an object could not be read.
#[derive(Debug, Clone)]
struct Trouble {
    reason: &'static str,
    text: String,
    tries: u32,
}

type Objects = BTreeMap<(String, String), Result<VaultObject, Trouble>>;

/// The objects of a recipe, each under its own alias; or the first that could not be read.
fn gather<'a>(recipe: &Recipe, objects: &'a Objects) -> Result<Vec<VaultObject>, &'a Trouble> {
    let found = recipe.objects.iter().filter_map(|description| {
        let object = objects.get(&key(recipe, &description.object))?.as_ref();
        Some(object.map(|object| VaultObject { description: description.clone(), ..object.clone() }))
    });
    found.collect()
}

fn render_all(
    job: &Job,
    recipe: &Recipe,
    plugins: &Plugins,
    objects: Vec<VaultObject>,
    values: &mut Values,
) -> Result<(), String> {
    let objects = render::transform(recipe, plugins, objects).map_err(|(path, fault)| format!("{path}: {fault}"))?;
    let mut rendered: Vec<Vec<Entry>> = Vec::new();
    for output in &recipe.outputs {
        rendered.push(
            render::render(recipe, output, plugins, &objects).map_err(|fault| format!("{}: {fault}", output.path))?,
        );
    }
    let mut rendered = rendered.into_iter();
    for (query, entries) in job.wanted.queries.iter().zip(rendered.by_ref()) {
        let reference = Reference { resource: job.wanted.name.clone(), query: query.clone() };
        values.set(reference, variable::value(entries, query.as_deref()));
    }
    if job.wanted.files {
        let entries = rendered.next().unwrap_or_default();
        values.set_files(&job.wanted.name, entries.into_iter().map(|entry| (entry.key, entry.value)).collect());
    }
    Ok(())
}
