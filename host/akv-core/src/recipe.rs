//! What a resource asks for, valid by construction: which objects, which transforms, which outputs.

use crate::{Alias, Description, PluginName, VaultName};
use std::collections::BTreeMap;

/// A plugin's config, a JSON object.
pub type Config = serde_json::Map<String, serde_json::Value>;

/// A resource, parsed.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The vault that holds every object.
    pub vault: VaultName,
    /// What to read, in the order of the resource; never empty.
    pub objects: Vec<Description>,
    /// Transforms, in order. They touch objects of kind `secret` only.
    pub pipeline: Vec<Step>,
    /// Empty for a resource that only the env injector uses.
    pub outputs: Vec<Output>,
    /// The resource has `objects`: without a plugin or `files`, each alias is the key of its value.
    pub keys_from_alias: bool,
    /// What makes the entries of a process's variables.
    pub environment: Format,
}

/// An output plugin and its config, before it has a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Format {
    /// Which plugin.
    pub plugin: PluginName,
    /// Its config.
    pub config: Config,
    /// Where the config stands in the resource, for messages.
    pub path: String,
}

/// One transform.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which plugin.
    pub plugin: PluginName,
    /// Its config.
    pub config: Config,
    /// The objects that it touches; `None` for every secret.
    pub only: Option<Vec<Alias>>,
    /// Where it stands in the resource, for messages.
    pub path: String,
}

/// One target and the plugin that makes its entries.
#[derive(Debug, Clone)]
pub struct Output {
    /// Where the entries go.
    pub target: Target,
    /// Which plugin.
    pub plugin: PluginName,
    /// Its config.
    pub config: Config,
    /// Where the plugin's config stands in the resource, for messages.
    pub path: String,
}

impl Output {
    /// The output that a reference in a process's environment asks for; `query` stands after its `?`.
    pub fn environment(recipe: &Recipe, query: Option<&str>) -> Self {
        // `name@azurekeyvault?` equals no query.
        let query = query.filter(|query| !query.is_empty()).map(str::to_owned);
        recipe.environment.clone().output(Target::Environment { query })
    }
}

impl Format {
    /// The output that has this format and goes to `target`.
    pub fn output(self, target: Target) -> Output {
        Output { target, plugin: self.plugin, config: self.config, path: self.path }
    }
}

/// Where entries go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A Secret in the resource's namespace.
    Secret {
        /// Its name.
        name: String,
        /// Its type exactly as written; a certificate without one differs from an `Opaque` one.
        secret_type: Option<String>,
        /// Labels and annotations to add.
        metadata: Metadata,
    },
    /// A ConfigMap in the resource's namespace.
    ConfigMap {
        /// Its name.
        name: String,
        /// Labels and annotations to add.
        metadata: Metadata,
    },
    /// A variable of a process.
    Environment {
        /// What stands after `?` in the reference.
        query: Option<String>,
    },
}

/// Labels and annotations for a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Target {
    /// The word that the WIT knows.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "secret",
            Self::ConfigMap { .. } => "config-map",
            Self::Environment { .. } => "environment",
        }
    }
}
