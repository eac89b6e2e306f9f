//! A plugin that is loaded and can be called.

use crate::answer::{self, failure};
use crate::artifact::Artifact;
use crate::binding::{output, transform};
use crate::call::isolated;
use crate::convert;
use crate::engine::{Engine, LoadError};
use crate::inspect::Kind;
use crate::limits::{Limiter, Limits, Usage};
use crate::schema::Schema;
use akv_core::recipe::Config;
use akv_core::{Alias, Blame, Description, Entry, Part, PluginFault, PluginName, SecretValue, Target, VaultObject};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// Its own name; the name that it runs under is the administrator's.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// JSON Schema of its config; without one the config must be empty.
    pub config_schema: Option<Value>,
}

/// A loaded plugin; cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    loaded: Arc<Loaded>,
    limits: Limits,
    defaults: Arc<Config>,
}

struct Loaded {
    engine: Engine,
    name: PluginName,
    digest: String,
    world: World,
    info: Info,
    schema: Schema,
}

enum World {
    Transform(transform::TransformPluginPre<Limiter>),
    Output(output::OutputPluginPre<Limiter>),
}

impl World {
    fn kind(&self) -> Kind {
        match self {
            Self::Transform(_) => Kind::Transform,
            Self::Output(_) => Kind::Output,
        }
    }
}

/// Plugins by name.
#[derive(Clone, Default)]
pub struct Plugins(BTreeMap<PluginName, Plugin>);

impl Plugins {
    /// The plugin of this name.
    pub fn get(&self, name: &PluginName) -> Option<&Plugin> {
        self.0.get(name)
    }

    /// Adds a plugin under its name; one that was there is replaced.
    pub fn insert(&mut self, plugin: Plugin) {
        self.0.insert(plugin.name().clone(), plugin);
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Plugin> {
        self.0.values()
    }
}

/// What a call gave, and what it used.
pub type Metered<T> = (Result<T, PluginFault>, Usage);

impl Engine {
    /// Makes a plugin of compiled code: checks its exports, describes it, reads its schema.
    pub fn load(&self, name: PluginName, artifact: &Artifact) -> Result<Plugin, LoadError> {
        let component = deserialize(self, artifact)?;
        // An empty linker: whatever a component would import, there is nothing to give.
        let linker = Linker::new(self.inner());
        let pre = linker.instantiate_pre(&component).map_err(|e| LoadError::Shape(format!("{e:#}")))?;
        let has = |kind: Kind| {
            let name = format!("akv2k8s:plugin/{}@0.1.0", kind.as_str());
            component.get_export_index(None, &name).is_some()
        };
        let shape = |e: wasmtime::Error| LoadError::Shape(format!("{e:#}"));
        let world = if has(Kind::Transform) {
            World::Transform(transform::TransformPluginPre::new(pre).map_err(shape)?)
        } else {
            World::Output(output::OutputPluginPre::new(pre).map_err(shape)?)
        };
        let info = describe(self, &name, &world)?;
        let schema = Schema::new(info.config_schema.as_ref()).map_err(LoadError::Schema)?;
        let engine = self.clone();
        let loaded = Loaded { engine, name, digest: artifact.digest().to_owned(), world, info, schema };
        Ok(Plugin { loaded: Arc::new(loaded), limits: Limits::DEFAULT, defaults: Arc::default() })
    }
}

impl Plugin {
    /// The name that it runs under.
    pub fn name(&self) -> &PluginName {
        &self.loaded.name
    }

    /// What it does.
    pub fn kind(&self) -> Kind {
        self.loaded.world.kind()
    }

    /// SHA-256 of the component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.loaded.digest
    }

    /// What it says of itself.
    pub fn info(&self) -> &Info {
        &self.loaded.info
    }

    /// What one call may use.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The same plugin with other limits, cut to the maxima.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits: limits.capped(), ..self }
    }

    /// The same plugin with defaults that are merged under each config, key by key.
    pub fn with_defaults(self, defaults: Config) -> Self {
        Self { defaults: Arc::new(defaults), ..self }
    }

    /// The defaults that are merged under each config.
    pub fn defaults(&self) -> &Config {
        &self.defaults
    }

    fn merged(&self, config: &Config) -> Config {
        let mut merged = (*self.defaults).clone();
        merged.extend(config.clone());
        merged
    }

    /// The config against the plugin's schema, where the feature `schema` is on; else only that there is none without a schema.
    pub fn check_config(&self, config: &Config) -> Result<(), PluginFault> {
        self.loaded.schema.check(&self.merged(config)).map_err(|(at, message)| PluginFault {
            blame: Blame::Config,
            at: Some(at),
            ..answer::broken(self.name(), "invalid-config", answer::clean(&message, answer::MESSAGE_LIMIT))
        })
    }

    fn text(&self, config: &Config) -> String {
        Value::Object(self.merged(config)).to_string()
    }

    /// The words that a place may consist of where the plugin has seen a value.
    fn words(&self, config: &Config, objects: &[VaultObject]) -> Vec<String> {
        let aliases = objects.iter().map(|o| o.description.alias.to_string());
        aliases.chain(answer::texts(&Value::Object(self.merged(config)))).collect()
    }

    fn wrong_kind<T>(&self, wanted: Kind) -> Metered<T> {
        let message = format!("it is a plugin of kind {}, not {}", self.kind().as_str(), wanted.as_str());
        let fault = PluginFault { blame: Blame::Config, ..answer::broken(self.name(), "wrong-kind", message) };
        (Err(fault), Usage::default())
    }

    /// Config of a transform: schema first, then the plugin's own check.
    pub fn check_step(&self, config: &Config) -> Result<(), PluginFault> {
        let World::Transform(pre) = &self.loaded.world else {
            return self.wrong_kind(Kind::Transform).0;
        };
        self.check_config(config)?;
        let text = self.text(config);
        self.call(|store| pre.instantiate(&mut *store)?.akv2k8s_plugin_transform().call_check(store, &text))
            .0?
            .map_err(|f| self.transform_failure(f, None))
    }

    /// Runs a transform.
    pub fn apply(&self, config: &Config, input: &SecretValue) -> Result<SecretValue, PluginFault> {
        self.apply_metered(config, input).0
    }

    /// Runs a transform and says what it used.
    pub fn apply_metered(&self, config: &Config, input: &SecretValue) -> Metered<SecretValue> {
        let World::Transform(pre) = &self.loaded.world else {
            return self.wrong_kind(Kind::Transform);
        };
        let text = self.text(config);
        let (answer, usage) = self.call(|store| {
            pre.instantiate(&mut *store)?.akv2k8s_plugin_transform().call_apply(store, &text, input.expose())
        });
        let result = answer.and_then(|answer| match answer {
            Ok(bytes) => answer::value(self.name(), &self.limits, bytes),
            Err(fault) => Err(self.transform_failure(fault, Some(&self.words(config, &[])))),
        });
        (result, usage)
    }

    /// Config of an output for this target and these objects: schema first, then the plugin's own check.
    pub fn check_output(
        &self,
        config: &Config,
        target: &Target,
        attributes: &[(String, String)],
        objects: &[Description],
    ) -> Result<(), PluginFault> {
        let World::Output(pre) = &self.loaded.world else {
            return self.wrong_kind(Kind::Output).0;
        };
        self.check_config(config)?;
        let (text, target, objects) =
            (self.text(config), convert::target(target, attributes), convert::descriptions(objects));
        self.call(|store| {
            pre.instantiate(&mut *store)?.akv2k8s_plugin_output().call_check(store, &text, &target, &objects)
        })
        .0?
        .map_err(|f| self.output_failure(f, None))
    }

    /// Which parts of which objects the output wants. An alias that does not exist is the plugin's fault.
    pub fn needs(
        &self,
        config: &Config,
        target: &Target,
        attributes: &[(String, String)],
        objects: &[Description],
    ) -> Result<Vec<(Alias, Part)>, PluginFault> {
        let World::Output(pre) = &self.loaded.world else {
            return self.wrong_kind(Kind::Output).0;
        };
        let (text, target, known) =
            (self.text(config), convert::target(target, attributes), convert::descriptions(objects));
        let needs = self
            .call(|store| {
                pre.instantiate(&mut *store)?.akv2k8s_plugin_output().call_needs(store, &text, &target, &known)
            })
            .0?
            .map_err(|f| self.output_failure(f, None))?;
        let unknown = || {
            answer::broken(
                self.name(),
                "unknown-alias",
                "it needs an object that the resource does not name".to_owned(),
            )
        };
        needs
            .into_iter()
            .map(|need| {
                let alias = objects.iter().find(|d| d.alias.as_str() == need.alias).map(|d| d.alias.clone());
                Ok((alias.ok_or_else(unknown)?, convert::part(need.part)))
            })
            .collect()
    }

    /// Renders.
    pub fn render(
        &self,
        config: &Config,
        target: &Target,
        attributes: &[(String, String)],
        objects: &[VaultObject],
    ) -> Result<Vec<Entry>, PluginFault> {
        self.render_metered(config, target, attributes, objects).0
    }

    /// Renders and says what it used.
    pub fn render_metered(
        &self,
        config: &Config,
        target: &Target,
        attributes: &[(String, String)],
        objects: &[VaultObject],
    ) -> Metered<Vec<Entry>> {
        let World::Output(pre) = &self.loaded.world else {
            return self.wrong_kind(Kind::Output);
        };
        let (text, wire, mut wired) =
            (self.text(config), convert::target(target, attributes), convert::objects(objects));
        let (answer, usage) = self.call(|store| {
            pre.instantiate(&mut *store)?.akv2k8s_plugin_output().call_render(store, &text, &wire, &wired)
        });
        convert::wipe(&mut wired);
        let result = answer.and_then(|answer| match answer {
            Ok(raw) => {
                answer::entries(self.name(), &self.limits, target, raw.into_iter().map(convert::entry).collect())
            }
            Err(fault) => Err(self.output_failure(fault, Some(&self.words(config, objects)))),
        });
        (result, usage)
    }

    fn call<T>(&self, work: impl FnOnce(&mut Store<Limiter>) -> wasmtime::Result<T>) -> Metered<T> {
        isolated(&self.loaded.engine, self.name(), &self.limits, work)
    }

    fn transform_failure(&self, fault: convert::TransformFailure, known: Option<&[String]>) -> PluginFault {
        let (blame, diagnostic) = convert::transform_failure(fault);
        failure(self.name(), blame, &diagnostic.code, diagnostic.at.as_deref(), &diagnostic.message, known)
    }

    fn output_failure(&self, fault: convert::OutputFailure, known: Option<&[String]>) -> PluginFault {
        let (blame, diagnostic) = convert::output_failure(fault);
        failure(self.name(), blame, &diagnostic.code, diagnostic.at.as_deref(), &diagnostic.message, known)
    }
}

/// The one place where compiled code becomes something that runs.
#[allow(unsafe_code, reason = "compiled code cannot be checked; it is code that this program or its build made")]
fn deserialize(engine: &Engine, artifact: &Artifact) -> Result<Component, LoadError> {
    // SAFETY: an `Artifact` is made by `compile`, of our own build, or of our own child whose digest was compared; it is
    // kept in memory or embedded, never read from where another could write. wasmtime checks version and settings.
    unsafe { Component::deserialize(engine.inner(), artifact.code()) }
        .map_err(|e| LoadError::Incompatible(format!("{e:#}")))
}

fn describe(engine: &Engine, name: &PluginName, world: &World) -> Result<Info, LoadError> {
    let (answer, _) = isolated(engine, name, &Limits::DEFAULT, |store| match world {
        World::Transform(pre) => {
            let info = pre.instantiate(&mut *store)?.akv2k8s_plugin_about().call_describe(store)?;
            Ok((info.name, info.version, info.config_schema))
        }
        World::Output(pre) => {
            let info = pre.instantiate(&mut *store)?.akv2k8s_plugin_about().call_describe(store)?;
            Ok((info.name, info.version, info.config_schema))
        }
    });
    let (plugin, version, schema) = answer.map_err(LoadError::Trial)?;
    let schema =
        schema.map(|text| serde_json::from_str(&text)).transpose().map_err(|e| LoadError::Schema(e.to_string()))?;
    let short = |text: &str| answer::clean(text, 64);
    Ok(Info { name: short(&plugin), version: short(&version), config_schema: schema })
}
