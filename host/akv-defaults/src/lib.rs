//! The default plugins, built from `plugins/` and compiled ahead of time.

use akv_core::PluginName;
use akv_plugin::{Artifact, ArtifactError, Engine, LoadError, Plugins};
use thiserror::Error;

/// One default plugin as it is embedded.
struct Default {
    name: &'static str,
    #[cfg(feature = "components")]
    wasm: &'static [u8],
    /// An artifact, packed by zstd: compiled code is four times as large as what it says.
    code: &'static [u8],
    /// Bytes of the artifact.
    size: usize,
}

static DEFAULTS: &[Default] = &include!(concat!(env!("OUT_DIR"), "/defaults.rs"));

/// A default plugin cannot be used: the program was put together wrong.
#[derive(Debug, Error)]
pub enum DefaultsError {
    /// Its code is not for this machine.
    #[error("default plugin {0}: {1}")]
    Artifact(&'static str, #[source] ArtifactError),
    /// Its code does not fit the engine.
    #[error("default plugin {0}: {1}")]
    Load(&'static str, #[source] LoadError),
    /// Its folder has no name of a plugin.
    #[error("default plugin: {0}")]
    Name(#[from] akv_core::NameError),
}

/// Loads every default plugin.
pub fn load(engine: &Engine) -> Result<Plugins, DefaultsError> {
    load_some(engine, |_| true)
}

/// Loads the default plugins that `wanted` accepts by name: loading takes longer than any call.
pub fn load_some(engine: &Engine, wanted: impl Fn(&PluginName) -> bool) -> Result<Plugins, DefaultsError> {
    let mut plugins = Plugins::default();
    for default in DEFAULTS {
        let name = PluginName::parse(default.name)?;
        if wanted(&name) {
            let artifact =
                Artifact::from_bytes(unpacked(default)).map_err(|e| DefaultsError::Artifact(default.name, e))?;
            plugins.insert(engine.load(name, &artifact).map_err(|e| DefaultsError::Load(default.name, e))?);
        }
    }
    Ok(plugins)
}

fn unpacked(default: &Default) -> Vec<u8> {
    // What the build script packed unpacks; were it not so, the format's own check says it.
    zstd::bulk::decompress(default.code, default.size).unwrap_or_default()
}

/// Names of the default plugins, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    DEFAULTS.iter().map(|d| d.name)
}

/// The component of a default plugin.
#[cfg(feature = "components")]
pub fn wasm(name: &str) -> Option<&'static [u8]> {
    DEFAULTS.iter().find(|d| d.name == name).map(|d| d.wasm)
}

#[cfg(all(test, feature = "components"))]
mod tables;
#[cfg(all(test, feature = "components"))]
mod tests {
    use super::*;

    #[test]
    fn every_default_imports_nothing_and_loads() {
        let engine = Engine::new().expect("the engine starts");
        let plugins = load(&engine).expect("the defaults load");
        assert_eq!(plugins.iter().count(), names().count());
        for name in names() {
            let wasm = wasm(name).expect("a name that is listed");
            // Refuses any import.
            let inspection = akv_plugin::inspect(wasm).expect(name);
            let plugin = plugins.get(&PluginName::parse(name).expect(name)).expect(name);
            assert_eq!(plugin.digest(), inspection.digest);
            assert_eq!(plugin.info().name, name);
        }
    }
}
