//! `akv2k8s plugin test`: cases from files against a plugin, with what each call used.

mod case;
mod object;

use super::custom;
use super::exit::{Exit, Stop, after_help};
use super::print::{self, Report};
use akv_core::{PluginFault, PluginName};
use akv_plugin::limits::WALL;
use akv_plugin::{Engine, Plugin, Usage};
use case::Case;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Run the cases of a plugin and print what each used of its budget
///
/// A case is a YAML document: plugin (a file relative to the case, or the name of a default plugin), config, then for an
/// output target, objects and expect.entries, for a transform input and expect.output; or expect.error. Several documents
/// may stand in one file.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # every case below a folder
  akv2k8s plugin test cases/
  # the same cases against another build of the plugin
  akv2k8s plugin test cases/ --plugin target/shout.wasm"
))]
pub struct TestArgs {
    /// Files with cases, or directories of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The component to test, whatever the cases say
    #[arg(long, env = "AKV2K8S_PLUGIN_FILE", value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// How to print
    #[arg(short, long, env = "AKV2K8S_OUTPUT", default_value = "text")]
    output: Report,
}

/// Runs the command.
pub fn run(args: &TestArgs) -> Result<Exit, Stop> {
    let cases = case::read(&args.files)?;
    if cases.is_empty() {
        return Err(Stop::usage("there is no case in these files"));
    }
    let engine = Engine::new().map_err(|e| Stop::wrong(e.to_string()))?;
    let mut plugins = BTreeMap::new();
    let mut results = Vec::new();
    for case in &cases {
        let source = source(case, args.plugin.as_deref())?;
        if !plugins.contains_key(&source) {
            plugins.insert(source.clone(), load(&engine, &source)?);
        }
        let plugin = &plugins[&source];
        let (outcome, usage) = case.run(plugin);
        results.push(result(case, plugin, &outcome, usage));
    }
    let failed = results.iter().filter(|r| !r["why"].is_null()).count();
    print::report(&results, args.output, |results| {
        let lines: String = results.iter().map(|result| line(result) + "\n").collect();
        format!("{lines}{} passed, {failed} failed\n", results.len() - failed)
    })?;
    Ok(if failed > 0 { Exit::Wrong } else { Exit::Ok })
}

/// A file, or the name of a default plugin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    File(PathBuf),
    Default(PluginName),
}

fn source(case: &Case, flag: Option<&Path>) -> Result<Source, Stop> {
    if let Some(file) = flag {
        return Ok(Source::File(file.to_owned()));
    }
    let named = case.plugin.as_deref();
    let named = named
        .ok_or_else(|| Stop::usage(format!("{}: say which plugin is tested, by `plugin` or --plugin", case.title())))?;
    match PluginName::parse(named) {
        Ok(name) => Ok(Source::Default(name)),
        Err(_) => Ok(Source::File(case.directory().join(named))),
    }
}

fn load(engine: &Engine, source: &Source) -> Result<Plugin, Stop> {
    match source {
        Source::Default(name) => {
            let defaults = akv_defaults::load(engine).map_err(|e| Stop::wrong(e.to_string()))?;
            let found = defaults.get(name).cloned();
            found.ok_or_else(|| {
                Stop::usage(format!("there is no default plugin {name}; name a file with a path, as ./{name}.wasm"))
            })
        }
        Source::File(file) => {
            let bytes = custom::read(file).map_err(Stop::usage)?;
            let name = PluginName::parse("tested").map_err(|e| Stop::wrong(e.to_string()))?;
            custom::compiled(engine, &name, &bytes).map_err(|e| Stop::wrong(format!("{}: {e}", file.display())))
        }
    }
}

fn result(case: &Case, plugin: &Plugin, outcome: &Result<(), String>, usage: Usage) -> Value {
    let limits = plugin.limits();
    let share = |used: f64, of: f64| (used / of * 1000.0).round() / 10.0;
    json!({
        "case": case.title(),
        "why": outcome.as_ref().err(),
        "fuel": {"used": usage.fuel, "percent": share(usage.fuel as f64, limits.fuel as f64)},
        "memory": {"bytes": usage.memory, "percent": share(usage.memory as f64, limits.memory as f64)},
        "time": {"microseconds": usage.time.as_micros() as u64, "percent": share(usage.time.as_secs_f64(), WALL.as_secs_f64())},
    })
}

fn line(result: &Value) -> String {
    let word = if result["why"].is_null() { "ok  " } else { "FAIL" };
    let case = result["case"].as_str().unwrap_or_default();
    let (fuel, memory, time) = (&result["fuel"], &result["memory"], &result["time"]);
    let millions = fuel["used"].as_f64().unwrap_or_default() / 1e6;
    let mebibytes = memory["bytes"].as_f64().unwrap_or_default() / f64::from(1 << 20);
    let milliseconds = time["microseconds"].as_f64().unwrap_or_default() / 1e3;
    let why = result["why"].as_str().map(|w| format!("\n     {w}")).unwrap_or_default();
    format!(
        "{word} {case}: fuel {millions:.2}M ({}%), memory {mebibytes:.1} MiB ({}%), time {milliseconds:.1} ms ({}%){why}",
        fuel["percent"], memory["percent"], time["percent"],
    )
}

/// Blame, code and place of a fault; never a message, which a plugin may have made beside a value.
fn said(fault: &PluginFault) -> String {
    let at = fault.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
    format!("{} {}{at}", fault.blame.as_str(), fault.code)
}
