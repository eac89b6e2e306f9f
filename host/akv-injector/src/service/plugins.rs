//! Custom plugins: compiled by the service, run here.

use super::Service;
use super::ask;
use crate::failure::Failure;
use crate::patience::Patience;
use akv_core::PluginName;
use akv_plugin::{Artifact, Engine, Limits, Plugin, made_for};
use akv_wire::arguments::Arguments;
use akv_wire::message::{self, PLUGINS};
use std::collections::{BTreeMap, BTreeSet};

/// The custom plugins of an answer.
#[derive(Default)]
pub struct Custom {
    /// Those that run here.
    pub plugins: Vec<Plugin>,
    /// The names of those that do not.
    pub foreign: BTreeSet<String>,
}

impl Custom {
    /// Gets and loads them.
    pub async fn get(
        arguments: &Arguments,
        service: &Service,
        plugins: &BTreeMap<String, message::Plugin>,
        engine: &Engine,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let mut custom = Self::default();
        for (name, plugin) in plugins {
            // The administrator has listed other bytes since the pod was admitted: the service knows what is meant now.
            let replaced = arguments.plugins.get(name).is_some_and(|pinned| *pinned != plugin.digest);
            let found = if replaced { None } else { artifact(service, name, &plugin.digest, patience).await? };
            let parsed = PluginName::parse(name).map_err(|error| Failure::new(error.to_string()))?;
            match found.and_then(|artifact| engine.load(parsed, &artifact).ok()) {
                Some(loaded) => {
                    let loaded = loaded.with_limits(limits(plugin)).with_defaults(plugin.config.clone());
                    custom.plugins.push(loaded);
                }
                None => {
                    custom.foreign.insert(name.clone());
                }
            }
        }
        Ok(custom)
    }
}

/// A compiled plugin of this digest; `None` if there is none for this engine.
async fn artifact(
    service: &Service,
    name: &str,
    digest: &str,
    patience: Patience,
) -> Result<Option<Artifact>, Failure> {
    if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Failure::new(format!("plugin {name}: the auth service names it by what is no digest")));
    }
    // Names of engines and targets need no escaping.
    let path = format!("{PLUGINS}{digest}?engine={}&target={}", made_for::ENGINE, made_for::target());
    let found = ask::bytes(patience, || service.get(&path)).await?;
    let Some(artifact) = found.and_then(|mut bytes| Artifact::from_bytes(std::mem::take(&mut bytes)).ok()) else {
        return Ok(None);
    };
    if artifact.digest() == digest {
        return Ok(Some(artifact));
    }
    Err(Failure::new(format!(
        "plugin {name}: the auth service gave the bytes of {}, not of {digest}",
        artifact.digest()
    )))
}

fn limits(plugin: &message::Plugin) -> Limits {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Limits { memory: size(plugin.memory), fuel: plugin.fuel, output: size(plugin.output) }
}
