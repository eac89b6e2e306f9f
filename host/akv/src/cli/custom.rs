//! The plugins that are at hand without a cluster: the defaults, and custom ones from files.

use super::exit::Stop;
use super::finding::{Finding, Remark};
use super::manifest::{Manifest, Resource};
use crate::controller::plugin_source::{SIZE_LIMIT, file_place, verified};
use akv_api::plugin::AzureKeyVaultPlugin;
use akv_api::reason;
use akv_core::policy::plugin_allowed;
use akv_core::{Fault, PluginName, Recipe, limits, plugin_spec};
use akv_plugin::{Engine, Plugin, Plugins};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The label that the API server puts on every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Where custom plugins are, and what tells who may use them.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PluginArgs {
    /// A custom plugin's component, as java-keystore=target/java-keystore.wasm; may be given again
    #[arg(long = "plugin", env = "AKV2K8S_PLUGIN", value_name = "NAME=FILE", value_delimiter = ',', value_parser = named)]
    pub plugins: Vec<(PluginName, PathBuf)>,
    /// The directory of AzureKeyVaultPlugins with a `file` source; else the directory of their own manifest
    #[arg(long = "plugin-dir", alias = "plugins-dir", env = "PLUGIN_DIR", value_name = "DIR")]
    pub plugin_dir: Option<PathBuf>,
    /// Labels by which plugins select a namespace, as shop:team=shop,env=prod; a Namespace among the files says the same;
    /// may be given again
    #[arg(long, env = "AKV2K8S_NAMESPACE_LABELS", value_name = "NAMESPACE:LABELS", value_delimiter = ';', value_parser = labelled)]
    pub namespace_labels: Vec<(String, BTreeMap<String, String>)>,
}

fn labelled(text: &str) -> Result<(String, BTreeMap<String, String>), String> {
    let wrong = "write NAMESPACE:KEY=VALUE, with more labels after commas";
    let (namespace, labels) = text.split_once(':').ok_or(wrong)?;
    let pair = |label: &str| label.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    let labels: Option<_> = labels.split(',').filter(|label| !label.is_empty()).map(pair).collect();
    Ok((namespace.to_owned(), labels.ok_or(wrong)?))
}

fn named(text: &str) -> Result<(PluginName, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("write NAME=FILE")?;
    Ok((PluginName::parse(name).map_err(|e| e.to_string())?, PathBuf::from(file)))
}

/// The plugins at hand.
pub struct PluginSet {
    defaults: Plugins,
    custom: BTreeMap<PluginName, Custom>,
    labels: BTreeMap<String, BTreeMap<String, String>>,
}

struct Custom {
    namespaces: Option<LabelSelector>,
    state: State,
}

enum State {
    Ready(Plugin),
    /// It would be refused.
    Bad(Vec<Fault>),
    /// Its bytes are somewhere else.
    Elsewhere(String),
}

impl PluginSet {
    /// Loads the defaults and what flags and manifests name. What is wrong with a manifest's plugin is a finding.
    pub fn load(args: &PluginArgs, manifests: &[Manifest]) -> Result<(Self, Vec<Finding>), Stop> {
        let engine = Engine::new().map_err(|e| Stop::wrong(e.to_string()))?;
        let defaults = akv_defaults::load(&engine).map_err(|e| Stop::wrong(e.to_string()))?;
        let mut set = Self { defaults, custom: BTreeMap::new(), labels: BTreeMap::new() };
        let mut findings = Vec::new();
        for manifest in manifests {
            match &manifest.resource {
                Resource::Namespace(namespace) => {
                    set.labels.insert(namespace.name_any(), namespace.labels().clone());
                }
                Resource::Plugin(plugin) => {
                    let state = set.state(&engine, plugin, args, manifest.place.directory());
                    let remarks = match &state {
                        State::Ready(_) => Vec::new(),
                        State::Bad(faults) => faults.iter().cloned().map(Remark::from).collect(),
                        State::Elsewhere(why) => vec![Remark::warning("spec.source", why)],
                    };
                    findings.extend(remarks.into_iter().map(|r| manifest.place.find(r)));
                    // Nothing can name a plugin whose name is none; a default stays what it is.
                    let name = PluginName::parse(&plugin.name_any()).ok();
                    if let Some(name) = name.filter(|name| set.defaults.get(name).is_none()) {
                        set.custom.insert(name, Custom { namespaces: plugin.spec.namespaces.clone(), state });
                    }
                }
                _ => {}
            }
        }
        set.labels.extend(args.namespace_labels.iter().cloned());
        for (namespace, labels) in &mut set.labels {
            labels.insert(NAMESPACE_NAME.to_owned(), namespace.clone());
        }
        for (name, file) in &args.plugins {
            if set.defaults.get(name).is_some() {
                return Err(Stop::usage(format!(
                    "--plugin {name}: this is the name of a default plugin; use another name"
                )));
            }
            if !set.custom.contains_key(name) {
                let bytes = read(file).map_err(Stop::usage)?;
                let plugin =
                    compiled(&engine, name, &bytes).map_err(|e| Stop::wrong(format!("{}: {e}", file.display())))?;
                set.custom.insert(name.clone(), Custom { namespaces: None, state: State::Ready(plugin) });
            }
        }
        Ok((set, findings))
    }

    /// What the controller would make of an `AzureKeyVaultPlugin`, as far as its bytes are at hand.
    fn state(&self, engine: &Engine, resource: &AzureKeyVaultPlugin, args: &PluginArgs, directory: &Path) -> State {
        let (text, source) = (resource.name_any(), &resource.spec.source);
        let faults = plugin_spec::faults(&text, &resource.spec);
        let refused = |path: &str, message: String| {
            State::Bad(vec![Fault { path: path.to_owned(), reason: reason::PLUGIN_NOT_READY, message }])
        };
        let name = match PluginName::parse(&text) {
            Ok(name) if faults.is_empty() => name,
            _ => return State::Bad(faults),
        };
        if self.defaults.get(&name).is_some() {
            return refused("metadata.name", format!("{name} is the name of a default plugin; use another name"));
        }
        let flag = args.plugins.iter().find(|(n, _)| *n == name).map(|(_, file)| file);
        let digest = source.file.as_ref().map(|f| &f.sha256).or(source.config_map.as_ref().map(|m| &m.sha256));
        let (file, place) = match (flag, &source.file) {
            (Some(file), _) => (file.clone(), file.display().to_string()),
            (None, Some(file)) => {
                (args.plugin_dir.as_deref().unwrap_or(directory).join(&file.path), file_place(&file.path))
            }
            (None, None) => {
                return State::Elsewhere(format!("its bytes are in a ConfigMap; name them by --plugin {name}=FILE"));
            }
        };
        if !file.exists() {
            return State::Elsewhere(format!(
                "there is no {}; name its bytes by --plugin {name}=FILE, or the directory by --plugin-dir",
                file.display()
            ));
        }
        let load = || {
            let bytes = std::fs::read(&file).map_err(|e| format!("{place} could not be read: {e}"))?;
            let bytes = verified(&bytes, digest.map_or("", String::as_str), &place)?;
            compiled(engine, &name, &bytes)
        };
        match (limits::parse(resource.spec.limits.as_ref()), load()) {
            (Err(fault), _) => State::Bad(vec![fault]),
            (_, Err(why)) => refused("spec.source", why),
            (Ok(limits), Ok(plugin)) => {
                let defaults = resource.spec.config.clone().unwrap_or_default();
                State::Ready(plugin.with_limits(limits.into()).with_defaults(defaults))
            }
        }
    }

    /// Whether a namespace is selected; `None` if its labels are not known.
    fn selects(&self, selector: &LabelSelector, namespace: &str) -> Option<bool> {
        if let Some(labels) = self.labels.get(namespace) {
            return Some(plugin_allowed(selector, labels));
        }
        let labels = selector.match_labels.iter().flatten().map(|(key, _)| key);
        let mut keys = labels.chain(selector.match_expressions.iter().flatten().map(|e| &e.key));
        let name = BTreeMap::from([(NAMESPACE_NAME.to_owned(), namespace.to_owned())]);
        keys.all(|key| key == NAMESPACE_NAME).then(|| plugin_allowed(selector, &name))
    }

    /// The plugins that a resource of `namespace` may run, what keeps it from one, and the names that are therefore known
    /// to be missing.
    pub fn for_namespace(&self, namespace: &str, recipe: &Recipe) -> (Plugins, Vec<Remark>, BTreeSet<PluginName>) {
        let (mut plugins, mut remarks, mut missing) = (self.defaults.clone(), Vec::new(), BTreeSet::new());
        let steps = recipe.pipeline.iter().map(|s| (&s.plugin, &s.path));
        for (name, path) in steps.chain(recipe.outputs.iter().map(|o| (&o.plugin, &o.path))) {
            let Some(custom) = self.custom.get(name) else {
                continue;
            };
            let allowed = custom.namespaces.as_ref().map_or(Some(true), |selector| self.selects(selector, namespace));
            let remark = match &custom.state {
                _ if allowed.is_none() => Some(Remark::warning(
                    path,
                    format!(
                        "plugin {name} selects namespaces by label, and neither the files nor --namespace-labels say those of {namespace}: whether it may be used here was not looked at"
                    ),
                )),
                _ if allowed == Some(false) => Some(Remark::fault(
                    reason::PLUGIN_NOT_FOUND,
                    path,
                    format!(
                        "plugin {name} may not be used in namespace {namespace}; its AzureKeyVaultPlugin selects namespaces by label"
                    ),
                )),
                State::Ready(_) => None,
                State::Bad(faults) => {
                    let why = plugin_spec::summary(faults);
                    Some(Remark::fault(reason::PLUGIN_NOT_READY, path, format!("plugin {name} is not ready: {why}")))
                }
                State::Elsewhere(why) => {
                    Some(Remark::warning(path, format!("what uses plugin {name} was not looked at: {why}")))
                }
            };
            match (&custom.state, &remark) {
                // Labels that are not known stop nobody here; the cluster knows them.
                (State::Ready(plugin), r) if r.as_ref().is_none_or(|r| r.reason.is_none()) => {
                    plugins.insert(plugin.clone())
                }
                _ => drop(missing.insert(name.clone())),
            }
            remarks.extend(remark.filter(|r| !remarks.contains(r)));
        }
        (plugins, remarks, missing)
    }
}

/// A component's bytes, unpacked.
pub fn read(file: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
    akv_plugin::unpack(&bytes, SIZE_LIMIT).map_err(|e| format!("{}: {e}", file.display()))
}

/// Looks at a component, compiles it in a child of this program, and loads it, as the controller does.
pub fn compiled(engine: &Engine, name: &PluginName, bytes: &[u8]) -> Result<Plugin, String> {
    akv_plugin::inspect(bytes).map_err(|e| e.to_string())?;
    let program = std::env::current_exe().map_err(|e| format!("the compiler could not be started: {e}"))?;
    let artifact = akv_plugin::compile_in_child(&program, &["compile-plugin"], bytes).map_err(|e| e.to_string())?;
    engine.load(name.clone(), &artifact).map_err(|e| e.to_string())
}
