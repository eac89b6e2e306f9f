//! The plugins that may run: the defaults, and the administrator's as `AzureKeyVaultPlugin`s name them.

use super::leader::Leadership;
use super::outcome::Trouble;
use super::plugin_source::{compile, fetch};
use akv_api::plugin::{AzureKeyVaultPlugin, AzureKeyVaultPluginStatus};
use akv_api::reason;
use akv_core::{Fault, PluginName, Recipe, plugin_spec, policy};
use akv_plugin::{Artifact, Engine, Inspection, Plugin, Plugins};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// A source that is not there yet is looked at again after so long.
const RETRY: Duration = Duration::from_secs(10);

/// The store; cheap to clone.
#[derive(Clone)]
pub struct PluginStore(Arc<Inner>);

struct Inner {
    engine: Engine,
    defaults: Plugins,
    directory: Option<PathBuf>,
    custom: RwLock<BTreeMap<String, Custom>>,
    /// Names of plugins that changed, for the resources that use them.
    changed: UnboundedSender<String>,
}

struct Custom {
    spec_hash: u64,
    namespaces: Option<LabelSelector>,
    state: Result<Ready, Vec<Fault>>,
}

#[derive(Clone)]
struct Ready {
    plugin: Plugin,
    artifact: Arc<Artifact>,
    inspection: Arc<Inspection>,
}

/// What one resource may run.
pub struct Allowed {
    /// The plugins.
    pub plugins: Plugins,
    /// Changes with any custom plugin among them.
    pub revision: u64,
}

impl PluginStore {
    /// A store with the defaults.
    pub fn new(
        engine: Engine,
        defaults: Plugins,
        directory: Option<PathBuf>,
        changed: UnboundedSender<String>,
    ) -> Self {
        Self(Arc::new(Inner { engine, defaults, directory, custom: RwLock::default(), changed }))
    }

    /// The plugins that a recipe names, if its namespace may use them all.
    pub async fn for_namespace(
        &self,
        client: &Client,
        namespace: &str,
        recipe: &Recipe,
    ) -> Result<Allowed, Vec<Trouble>> {
        let (mut plugins, mut troubles, mut labels) = (self.0.defaults.clone(), Vec::new(), None);
        let mut hasher = DefaultHasher::new();
        let steps = recipe.pipeline.iter().map(|s| (&s.plugin, &s.path));
        let used: BTreeSet<(&PluginName, &String)> = steps
            .chain(recipe.outputs.iter().map(|o| (&o.plugin, &o.path)))
            .chain([(&recipe.environment.plugin, &recipe.environment.path)])
            .collect();
        for (name, path) in used {
            // A custom plugin under the name of a default one is refused, and the default stays what it is.
            let custom = self.0.defaults.get(name).is_none().then(|| self.look_up(name.as_str())).flatten();
            let Some((selector, state, hash)) = custom else {
                continue;
            };
            hash.hash(&mut hasher);
            let refused = |reason, why: String| Trouble {
                reason,
                message: format!("{path}: plugin {name} {why}"),
                retry_after: None,
            };
            if let Some(selector) = selector {
                if labels.is_none() {
                    labels = Some(namespace_labels(client, namespace).await.map_err(|trouble| vec![trouble])?);
                }
                if !policy::plugin_allowed(&selector, labels.as_ref().unwrap_or(&BTreeMap::new())) {
                    troubles.push(refused(
                        reason::PLUGIN_NOT_FOUND,
                        format!(
                            "may not be used in namespace {namespace}; its AzureKeyVaultPlugin selects namespaces by label"
                        ),
                    ));
                    continue;
                }
            }
            match state {
                Ok(plugin) => plugins.insert(plugin),
                Err(why) => troubles.push(refused(reason::PLUGIN_NOT_READY, format!("is not ready: {why}"))),
            }
        }
        if troubles.is_empty() { Ok(Allowed { plugins, revision: hasher.finish() }) } else { Err(troubles) }
    }

    /// The custom plugins that a recipe names, as a container is told of them, if its namespace may use them.
    pub async fn custom_of(
        &self,
        client: &Client,
        namespace: &str,
        recipe: &Recipe,
    ) -> Result<BTreeMap<String, akv_wire::message::Plugin>, Vec<Trouble>> {
        if used(recipe).into_iter().all(|name| self.0.defaults.get(name).is_some()) {
            return Ok(BTreeMap::new());
        }
        let allowed = self.for_namespace(client, namespace, recipe).await?.plugins;
        let custom = used(recipe).into_iter().filter(|name| self.0.defaults.get(name).is_none());
        let found = |name: &PluginName| {
            let plugin = allowed.get(name).ok_or_else(|| vec![unknown(name)])?;
            Ok((name.to_string(), described(plugin)))
        };
        custom.map(found).collect()
    }

    /// The compiled code of a plugin of this digest, if the namespace may use one.
    pub async fn artifact(
        &self,
        client: &Client,
        namespace: &str,
        digest: &str,
    ) -> Result<Option<Arc<Artifact>>, Trouble> {
        let of_digest = |c: &Custom| Some((c.namespaces.clone(), c.state.as_ref().ok()?.artifact.clone()));
        let found: Vec<_> =
            self.read().values().filter_map(of_digest).filter(|(_, artifact)| artifact.digest() == digest).collect();
        let open = |(selector, _): &&(Option<LabelSelector>, Arc<Artifact>)| selector.is_none();
        if let Some((_, artifact)) = found.iter().find(open) {
            return Ok(Some(artifact.clone()));
        }
        if found.is_empty() {
            return Ok(None);
        }
        let labels = namespace_labels(client, namespace).await?;
        let allowed =
            |selector: &Option<LabelSelector>| selector.as_ref().is_none_or(|s| policy::plugin_allowed(s, &labels));
        Ok(found.into_iter().find(|(selector, _)| allowed(selector)).map(|(_, artifact)| artifact))
    }

    fn look_up(&self, name: &str) -> Option<(Option<LabelSelector>, Result<Plugin, String>, u64)> {
        let custom = self.read();
        let custom = custom.get(name)?;
        let state = custom.state.as_ref().map(|r| r.plugin.clone()).map_err(|faults| plugin_spec::summary(faults));
        let mut hasher = DefaultHasher::new();
        (custom.spec_hash, state.is_ok()).hash(&mut hasher);
        Some((custom.namespaces.clone(), state, hasher.finish()))
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Custom>> {
        // Each change is one insert or remove, so the map is whole even if a holder panicked.
        self.0.custom.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Custom>> {
        self.0.custom.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads what one `AzureKeyVaultPlugin` names, and says in its status what came of it.
    pub async fn reconcile(&self, client: &Client, resource: &AzureKeyVaultPlugin) -> Action {
        let name = resource.name_any();
        self.learn(client, resource).await;
        let state = self.read().get(&name).map(|c| c.state.clone());
        let Some(state) = state else {
            return Action::await_change();
        };
        let status = status(resource, &state, Timestamp::now());
        if let Err(error) = write_status(client, resource, &status).await {
            tracing::warn!(%error, plugin = name, "the status of the plugin could not be written");
            return Action::requeue(RETRY);
        }
        if state.is_ok() { Action::await_change() } else { Action::requeue(RETRY) }
    }

    /// Loads what one `AzureKeyVaultPlugin` names; whether it can be used.
    pub async fn learn(&self, client: &Client, resource: &AzureKeyVaultPlugin) -> bool {
        let name = resource.name_any();
        let spec_hash = hash(resource);
        let known = self.read().get(&name).is_some_and(|c| c.spec_hash == spec_hash && c.state.is_ok());
        if !known {
            let state = self.load(client, resource).await;
            if let Err(faults) = &state {
                tracing::warn!(plugin = name, why = plugin_spec::summary(faults), "the plugin is not ready");
            }
            let custom = Custom { spec_hash, namespaces: resource.spec.namespaces.clone(), state };
            self.write().insert(name.clone(), custom);
            // The receiver ends with the process.
            let _sent = self.0.changed.send(name.clone());
        }
        self.read().get(&name).is_some_and(|custom| custom.state.is_ok())
    }

    /// Whether a custom plugin of this digest is ready.
    pub fn has(&self, digest: &str) -> bool {
        self.compiled(digest).is_some()
    }

    /// Forgets every custom plugin that is not among `names`.
    pub fn retain(&self, names: &BTreeSet<String>) {
        let gone: Vec<String> = self.read().keys().filter(|name| !names.contains(*name)).cloned().collect();
        for name in gone {
            self.remove(&name);
        }
    }

    /// Forgets a plugin whose resource is gone.
    pub fn remove(&self, name: &str) {
        if self.write().remove(name).is_some() {
            let _sent = self.0.changed.send(name.to_owned());
        }
    }

    async fn load(&self, client: &Client, resource: &AzureKeyVaultPlugin) -> Result<Ready, Vec<Fault>> {
        let faults = plugin_spec::faults(&resource.name_any(), &resource.spec);
        if !faults.is_empty() {
            return Err(faults);
        }
        let refused = |path: &str, message: String| {
            vec![Fault { path: path.to_owned(), reason: reason::PLUGIN_NOT_READY, message }]
        };
        let name = PluginName::parse(&resource.name_any()).map_err(|e| refused("metadata.name", e.to_string()))?;
        if self.0.defaults.get(&name).is_some() {
            return Err(refused("metadata.name", format!("{name} is the name of a default plugin; use another name")));
        }
        let limits = akv_core::limits::parse(resource.spec.limits.as_ref()).map_err(|fault| vec![fault])?;
        let (inspection, artifact, plugin) =
            self.source(client, name, resource).await.map_err(|why| refused("spec.source", why))?;
        let plugin = plugin.with_limits(limits.into()).with_defaults(resource.spec.config.clone().unwrap_or_default());
        Ok(Ready { plugin, artifact, inspection })
    }

    async fn source(
        &self,
        client: &Client,
        name: PluginName,
        resource: &AzureKeyVaultPlugin,
    ) -> Result<(Arc<Inspection>, Arc<Artifact>, Plugin), String> {
        let bytes = fetch(client, self.0.directory.as_deref(), &resource.spec.source).await?;
        let (inspection, artifact) = match self.compiled(&akv_plugin::digest(&bytes)) {
            Some(ready) => (ready.inspection, ready.artifact),
            None => compile(bytes).await.map(|(i, a)| (Arc::new(i), Arc::new(a)))?,
        };
        let (engine, compiled) = (self.0.engine.clone(), artifact.clone());
        let trial = tokio::task::spawn_blocking(move || engine.load(name, &compiled));
        let plugin = trial.await.map_err(|_| "the trial run did not end".to_owned())?.map_err(|e| e.to_string())?;
        Ok((inspection, artifact, plugin))
    }

    /// Two resources may name the same bytes; they are compiled once.
    fn compiled(&self, digest: &str) -> Option<Ready> {
        self.read().values().filter_map(|c| c.state.as_ref().ok()).find(|r| r.plugin.digest() == digest).cloned()
    }
}

/// The reconciler of `AzureKeyVaultPlugin`s.
pub async fn reconcile(
    resource: Arc<AzureKeyVaultPlugin>,
    context: Arc<(Client, PluginStore, Leadership)>,
) -> Result<Action, Infallible> {
    context.2.held().await;
    Ok(context.1.reconcile(&context.0, &resource).await)
}

/// Every plugin that any use of a recipe runs: in targets, and in pods.
fn used(recipe: &Recipe) -> BTreeSet<&PluginName> {
    let steps = recipe.pipeline.iter().map(|s| &s.plugin);
    steps.chain(recipe.outputs.iter().map(|o| &o.plugin)).chain([&recipe.environment.plugin]).collect()
}

/// The list of plugins may be behind the resource that names one.
fn unknown(name: &PluginName) -> Trouble {
    let message = format!("there is no AzureKeyVaultPlugin {name}, and it is no default plugin");
    Trouble { reason: reason::PLUGIN_NOT_FOUND, message, retry_after: None }
}

fn described(plugin: &Plugin) -> akv_wire::message::Plugin {
    let limits = plugin.limits();
    akv_wire::message::Plugin {
        digest: plugin.digest().to_owned(),
        config: plugin.defaults().clone(),
        memory: limits.memory as u64,
        fuel: limits.fuel,
        output: limits.output as u64,
    }
}

async fn namespace_labels(client: &Client, namespace: &str) -> Result<BTreeMap<String, String>, Trouble> {
    let namespace = Api::<Namespace>::all(client.clone()).get_metadata(namespace).await?;
    Ok(namespace.metadata.labels.unwrap_or_default())
}

fn hash(resource: &AzureKeyVaultPlugin) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(&resource.spec).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

fn status(
    resource: &AzureKeyVaultPlugin,
    state: &Result<Ready, Vec<Fault>>,
    now: Timestamp,
) -> AzureKeyVaultPluginStatus {
    let before = resource.status.clone().unwrap_or_default();
    let (ok, reason, message) = match state {
        Ok(_) => ("True", reason::READY, "the plugin passed its trial run".to_owned()),
        Err(faults) => {
            let reason = faults.first().map_or(reason::PLUGIN_NOT_READY, |fault| fault.reason);
            ("False", reason, plugin_spec::summary(faults))
        }
    };
    let old = before.conditions.iter().flatten().find(|c| c.type_ == "Ready" && c.status == ok);
    let ready = state.as_ref().ok();
    AzureKeyVaultPluginStatus {
        conditions: Some(vec![Condition {
            type_: "Ready".to_owned(),
            status: ok.to_owned(),
            reason: reason.to_owned(),
            message,
            observed_generation: resource.meta().generation,
            last_transition_time: old.map_or(Time(now), |c| c.last_transition_time.clone()),
        }]),
        observed_generation: resource.meta().generation,
        digest: ready.map(|r| r.plugin.digest().to_owned()),
        kind: ready.map(|r| r.inspection.kind.as_str().to_owned()),
        wit_version: ready.map(|r| r.inspection.wit_version.clone()),
        size: ready.map(|r| r.inspection.size as i64),
    }
}

async fn write_status(
    client: &Client,
    resource: &AzureKeyVaultPlugin,
    status: &AzureKeyVaultPluginStatus,
) -> kube::Result<()> {
    if resource.status.as_ref() == Some(status) {
        return Ok(());
    }
    let patch = json!({
        "apiVersion": "spv.no/v1alpha1",
        "kind": "AzureKeyVaultPlugin",
        "metadata": {"name": resource.name_any(), "uid": resource.uid()},
        "status": status,
    });
    let api = Api::<AzureKeyVaultPlugin>::all(client.clone());
    api.patch_status(&resource.name_any(), &PatchParams::apply("akv2k8s-status").force(), &Patch::Apply(&patch))
        .await
        .map(drop)
}
