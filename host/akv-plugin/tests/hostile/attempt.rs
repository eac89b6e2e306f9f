//! What a resource makes of a plugin: from the bytes of a file to the last call.

use crate::guest::{self, Kind, Row};
use akv_core::{
    Alias, Description, Metadata, ObjectKind, ObjectName, ObjectRef, PluginFault, PluginName, SecretValue, Target,
    VaultObject,
};
use akv_plugin::{Artifact, Engine, Limits, Plugin, compile, inspect, unpack};
use serde_json::Map;

/// No component may be larger, as the controller has it.
const SIZE_LIMIT: usize = 32 << 20;
/// The value that every call gets. It is no key and no code, so that a plugin which repeats it shows.
pub(crate) const CANARY: &str = "Canary hunter2!";

/// How it ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// It never ran.
    Refused(String),
    /// It ran and failed.
    Failed(PluginFault),
    /// It did what it should.
    Well,
}

/// A row as far as it can be prepared once.
pub(crate) enum Prepared {
    /// The file is refused whenever it is looked at.
    File(Vec<u8>),
    /// It compiles, and fails its trial.
    Code(Box<Artifact>),
    /// It can be called.
    Loaded(Plugin),
}

pub(crate) fn limits(fuel: u64) -> Limits {
    Limits { memory: guest::MEMORY, fuel, ..Limits::DEFAULT }
}

pub(crate) fn name(text: &str) -> PluginName {
    PluginName::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Unpacks and inspects, as the controller does before it compiles.
fn admit(file: &[u8]) -> Result<Vec<u8>, String> {
    let bytes = unpack(file, SIZE_LIMIT).map_err(|e| e.to_string())?;
    inspect(&bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// Everything up to the calls.
pub(crate) fn prepare(engine: &Engine, row: &Row) -> (Prepared, Ending) {
    let file = row.file();
    let bytes = match admit(&file) {
        Ok(bytes) => bytes,
        Err(why) => return (Prepared::File(file), Ending::Refused(why)),
    };
    let artifact = compile(&bytes).unwrap_or_else(|e| panic!("{}: {e}", row.name));
    match engine.load(name(&row.name), &artifact) {
        Ok(plugin) => (Prepared::Loaded(plugin.with_limits(limits(row.fuel()))), Ending::Well),
        Err(why) => (Prepared::Code(Box::new(artifact)), Ending::Refused(why.to_string())),
    }
}

impl Prepared {
    /// One attempt to use it.
    pub(crate) fn attempt(&self, engine: &Engine, row: &Row) -> Ending {
        match self {
            Self::File(file) => admit(file).map_or_else(Ending::Refused, |_| Ending::Well),
            Self::Code(artifact) => match engine.load(name(&row.name), artifact) {
                Ok(_) => Ending::Well,
                Err(why) => Ending::Refused(why.to_string()),
            },
            Self::Loaded(plugin) => call(plugin, row).map_or_else(Ending::Failed, |()| Ending::Well),
        }
    }
}

fn call(plugin: &Plugin, row: &Row) -> Result<(), PluginFault> {
    let value = || SecretValue::new(CANARY.as_bytes().to_vec());
    let config = Map::new();
    if row.used_as() == Kind::Transform {
        plugin.check_step(&config)?;
        return plugin.apply(&config, &value()).map(drop);
    }
    let object = object(value());
    let known = std::slice::from_ref(&object.description);
    let target = target(row.target);
    plugin.check_output(&config, &target, &[], known)?;
    plugin.needs(&config, &target, &[], known)?;
    plugin.render(&config, &target, &[], std::slice::from_ref(&object)).map(drop)
}

pub(crate) fn target(into: guest::Into) -> Target {
    let (name, metadata) = ("t".to_owned(), Metadata::default());
    match into {
        guest::Into::Secret => Target::Secret { name, secret_type: None, metadata },
        guest::Into::ConfigMap => Target::ConfigMap { name, metadata },
    }
}

/// A secret of the vault.
pub(crate) fn object(value: SecretValue) -> VaultObject {
    let object = ObjectRef {
        kind: ObjectKind::Secret,
        name: ObjectName::parse("s").expect("a name of an object"),
        version: None,
    };
    let alias = Alias::parse("s").expect("an alias");
    VaultObject {
        description: Description { alias, object, attributes: Vec::new() },
        version: "0".repeat(32),
        content_type: None,
        tags: Vec::new(),
        public: None,
        private: Some(value),
        expires: None,
        not_before: None,
    }
}
