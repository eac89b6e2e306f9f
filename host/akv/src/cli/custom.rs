//! The plugins that are at hand without a cluster: the defaults, and custom ones from files.

use super::exit::Stop;
use super::finding::{Finding, Remark};
use super::manifest::{Manifest, Resource};
use akv_api::plugin::AzureKeyVaultPlugin;
use akv_api::reason;
use akv_core::policy::plugin_allowed;
use akv_core::{PluginName, Recipe, limits, plugin_spec};
use akv_plugin::{Engine, Limits, Plugin, Plugins};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// No component may be larger, unpacked; the controller's bound.
const SIZE_LIMIT: usize = 32 << 20;

/// Where custom plugins are.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PluginArgs {
    /// A custom plugin's component, as java-keystore=target/java-keystore.wasm; may be given again
    #[arg(long = "plugin", env = "AKV2K8S_PLUGIN", value_name = "NAME=FILE", value_delimiter = ',', value_parser = named)]
    pub plugins: Vec<(PluginName, PathBuf)>,
    /// The directory of AzureKeyVaultPlugins with a `file` source; else the directory of their own manifest
    #[arg(long = "plugin-dir", alias = "plugins-dir", env = "PLUGIN_DIR", value_name = "DIR")]
    pub plugin_dir: Option<PathBuf>,
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
    /// Its bytes are at hand and no good.
    Bad(String),
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
                    let faults = plugin_spec::faults(&plugin.name_any(), &plugin.spec);
                    let broken = !faults.is_empty();
                    findings.extend(faults.into_iter().map(|f| manifest.place.find(f.into())));
                    if broken {
                        continue;
                    }
                    let Ok(name) = PluginName::parse(&plugin.name_any()) else {
                        continue;
                    };
                    if set.defaults.get(&name).is_some() {
                        let message = format!("{name} is the name of a default plugin; use another name");
                        findings.push(manifest.place.find(Remark::fault(
                            reason::PLUGIN_NOT_READY,
                            "metadata.name",
                            message,
                        )));
                        continue;
                    }
                    let state = state(&engine, &name, plugin, args, manifest.place.directory());
                    match &state {
                        State::Ready(_) => {}
                        State::Bad(why) => findings.push(manifest.place.find(Remark::fault(
                            reason::PLUGIN_NOT_READY,
                            "spec.source",
                            why,
                        ))),
                        State::Elsewhere(why) => {
                            findings.push(manifest.place.find(Remark::warning("spec.source", why)))
                        }
                    }
                    set.custom.insert(name, Custom { namespaces: plugin.spec.namespaces.clone(), state });
                }
                _ => {}
            }
        }
        for (name, file) in &args.plugins {
            if !set.custom.contains_key(name) {
                let bytes = read(file).map_err(Stop::usage)?;
                let plugin =
                    compiled(&engine, name, &bytes).map_err(|e| Stop::wrong(format!("{}: {e}", file.display())))?;
                set.custom.insert(name.clone(), Custom { namespaces: None, state: State::Ready(plugin) });
            }
        }
        Ok((set, findings))
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
            let labels = self.labels.get(namespace).cloned().unwrap_or_default();
            let allowed = custom.namespaces.as_ref().is_none_or(|selector| plugin_allowed(selector, &labels));
            let remark = match &custom.state {
                _ if !allowed && !self.labels.contains_key(namespace) => Some(Remark::warning(
                    path,
                    format!(
                        "plugin {name} selects namespaces by label, and the files hold no Namespace {namespace}: whether it may be used here was not looked at"
                    ),
                )),
                _ if !allowed => Some(Remark::fault(
                    reason::PLUGIN_NOT_FOUND,
                    path,
                    format!(
                        "plugin {name} may not be used in namespace {namespace}; its AzureKeyVaultPlugin selects namespaces by label"
                    ),
                )),
                State::Ready(_) => None,
                State::Bad(why) => {
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

fn state(
    engine: &Engine,
    name: &PluginName,
    resource: &AzureKeyVaultPlugin,
    args: &PluginArgs,
    directory: &Path,
) -> State {
    let source = &resource.spec.source;
    let flag = args.plugins.iter().find(|(n, _)| n == name).map(|(_, file)| file.clone());
    let (file, digest) = match (flag, &source.file, &source.config_map) {
        (Some(file), of_file, of_map) => {
            (file, of_file.as_ref().map(|f| &f.sha256).or(of_map.as_ref().map(|m| &m.sha256)))
        }
        (None, Some(file), _) => (args.plugin_dir.as_deref().unwrap_or(directory).join(&file.path), Some(&file.sha256)),
        _ => {
            return State::Elsewhere(format!("its bytes are in a ConfigMap; name them by --plugin {name}=FILE"));
        }
    };
    if !file.exists() {
        let hint = format!(
            "there is no {}; name its bytes by --plugin {name}=FILE, or the directory by --plugin-dir",
            file.display()
        );
        return State::Elsewhere(hint);
    }
    let load = || {
        let bytes = read(&file)?;
        let found = akv_plugin::digest(&bytes);
        if let Some(digest) = digest.filter(|d| !d.eq_ignore_ascii_case(&found)) {
            return Err(format!("{} has the SHA-256 {found}, the resource says {digest}", file.display()));
        }
        let limits = limits::parse(resource.spec.limits.as_ref()).map_err(|f| f.to_string())?;
        let plugin = compiled(engine, name, &bytes)?;
        let limits = Limits { memory: limits.memory as usize, fuel: limits.fuel, output: limits.output as usize };
        Ok(plugin.with_limits(limits).with_defaults(resource.spec.config.clone().unwrap_or_default()))
    };
    load().map_or_else(State::Bad, State::Ready)
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
