//! Hostile plugins, as the tables of `tests/data/hostile` list them, and one of each kind that behaves.
//!
//! A guest is core WebAssembly text, wrapped with our WIT as `akv2k8s plugin pack` wraps what a compiler leaves.

use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Write;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WIT: &str = include_str!("../../wit/plugin.wit");
const PRELUDE: &str = include_str!("../data/hostile/prelude.wat");
const FUNCTIONS: &str = include_str!("../data/hostile/functions.yaml");
const TABLES: [&str; 4] = [
    include_str!("../data/hostile/admission.yaml"),
    include_str!("../data/hostile/budget.yaml"),
    include_str!("../data/hostile/answers.yaml"),
    include_str!("../data/hostile/failures.yaml"),
];

/// Fuel of a hostile plugin: a loop ends in milliseconds.
pub const FUEL: u64 = 2_000_000;
/// Memory of a hostile plugin: enough to return more than is allowed.
pub const MEMORY: usize = 4 << 20;
/// What a gzip bomb unpacks to: more than any component may have.
const UNPACKED: usize = 65 << 20;

/// What a plugin is, or is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Bytes to bytes.
    Transform,
    /// Objects to entries.
    Output,
}

/// Where the entries go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Into {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

/// How it has to end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Expected {
    /// It never runs; the sentence that says why has these words.
    Refused {
        /// A part of the sentence.
        refused: String,
    },
    /// It runs and fails.
    Failed {
        /// Whose fault: `config`, `input` or `plugin`.
        blame: String,
        /// Which.
        code: String,
    },
}

/// One hostile plugin.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Row {
    /// What it does; also the name that it runs under.
    pub name: String,
    /// Which world it is built for.
    #[serde(default = "transform")]
    pub kind: Kind,
    /// What a resource takes it for; its kind, if nothing is said.
    used_as: Option<Kind>,
    /// Where its entries go.
    #[serde(default = "secret")]
    pub target: Into,
    /// The function that misbehaves.
    function: Option<String>,
    /// What it does instead.
    body: Option<String>,
    /// More items of the module.
    items: Option<String>,
    /// A package of its own, with the world `hostile`, in the place of ours; the module is then `module` alone.
    wit: Option<String>,
    module: Option<String>,
    /// Bytes that are no component.
    bytes: Option<Bytes>,
    /// Its fuel, where [`FUEL`] would end it too early.
    fuel: Option<u64>,
    /// How it has to end.
    pub expect: Expected,
    /// It takes too long to be called thousands of times.
    #[serde(default)]
    pub slow: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Bytes {
    CoreModule,
    CutOff,
    Empty,
    Text,
    GzipBomb,
    CompilerBomb,
}

#[derive(Deserialize)]
struct Function {
    export: String,
    signature: String,
    body: String,
}

fn transform() -> Kind {
    Kind::Transform
}

fn secret() -> Into {
    Into::Secret
}

/// All rows of all tables.
pub fn rows() -> Vec<Row> {
    let table = |text| serde_yaml_ng::from_str::<Vec<Row>>(text).unwrap_or_else(|e| panic!("a table: {e}"));
    TABLES.into_iter().flat_map(table).collect()
}

impl Row {
    /// What a resource takes it for.
    pub fn used_as(&self) -> Kind {
        self.used_as.unwrap_or(self.kind)
    }

    /// What it may use.
    pub fn fuel(&self) -> u64 {
        self.fuel.unwrap_or(FUEL)
    }

    /// Whether only a compiler that may be killed should see it.
    pub fn bombs_the_compiler(&self) -> bool {
        matches!(self.bytes, Some(Bytes::CompilerBomb))
    }

    /// The file that an administrator would name.
    pub fn file(&self) -> Vec<u8> {
        match self.bytes {
            None => self.component(),
            Some(Bytes::CoreModule) => core_module(&text(self.kind, None, "")),
            Some(Bytes::CutOff) => {
                let whole = self.component();
                whole[..whole.len() / 2].to_vec()
            }
            Some(Bytes::Empty) => Vec::new(),
            Some(Bytes::Text) => b"#!/bin/sh\nexec id\n".to_vec(),
            Some(Bytes::GzipBomb) => gzip(&vec![0; UNPACKED]),
            Some(Bytes::CompilerBomb) => component(self.kind, None, &compiler_bomb()),
        }
    }

    fn component(&self) -> Vec<u8> {
        if let Some(wit) = &self.wit {
            let module = self.module.as_deref().unwrap_or_default();
            return encode(&core_module(&format!("(module {module})")), wit, "hostile");
        }
        let replaced = self.function.as_deref().zip(self.body.as_deref());
        component(self.kind, replaced, self.items.as_deref().unwrap_or_default())
    }
}

/// A component of our WIT; `replaced` is a function and the body that it has instead of the good one, `items` goes into
/// the module.
pub fn component(kind: Kind, replaced: Option<(&str, &str)>, items: &str) -> Vec<u8> {
    let world = match kind {
        Kind::Transform => "transform-plugin",
        Kind::Output => "output-plugin",
    };
    encode(&core_module(&text(kind, replaced, items)), WIT, world)
}

fn text(kind: Kind, replaced: Option<(&str, &str)>, items: &str) -> String {
    let mut all: BTreeMap<Kind, BTreeMap<String, Function>> =
        serde_yaml_ng::from_str(FUNCTIONS).unwrap_or_else(|e| panic!("functions.yaml: {e}"));
    let mut functions = all.remove(&kind).unwrap_or_else(|| panic!("functions.yaml has no {kind:?}"));
    if let Some((name, body)) = replaced {
        let function = functions.get_mut(name).unwrap_or_else(|| panic!("a {kind:?} has no function {name}"));
        function.body = body.to_owned();
    }
    let write = |f: Function| format!("(func (export \"{}\") {}\n{})\n", f.export, f.signature, f.body);
    let functions: String = functions.into_values().map(write).collect();
    format!("(module\n{PRELUDE}\n{items}\n{functions})")
}

fn core_module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn encode(module: &[u8], wit: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("plugin.wit", wit).unwrap_or_else(|e| panic!("{e:#}"));
    let world = resolve.select_world(&[package], Some(world)).unwrap_or_else(|e| panic!("{e:#}"));
    let mut module = module.to_vec();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .unwrap_or_else(|e| panic!("{e:#}"));
    let encoded = ComponentEncoder::default().module(&module).and_then(|encoder| encoder.validate(true).encode());
    encoded.unwrap_or_else(|e| panic!("{e:#}"))
}

/// Loops within loops around many variables: each loop multiplies what the compiler has to keep in mind.
fn compiler_bomb() -> String {
    let (depth, variables) = (3000, 6000);
    let locals = "(local i32)".repeat(variables);
    let uses: String = (0..variables)
        .map(|n| format!("(local.set {n} (i32.add (local.get {n}) (local.get {})))", (n + 1) % variables))
        .collect();
    let (begin, end) = ("(loop ".repeat(depth), "(br_if 0 (local.get 0)))".repeat(depth));
    format!("(func $bomb {locals} {begin} {uses} {end})")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_else(|e| panic!("{e}"))
}
