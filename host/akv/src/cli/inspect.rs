//! `akv2k8s plugin inspect`: what a binary is, or why it would be refused.

use super::custom;
use super::exit::{Exit, Stop, after_help};
use super::print::{self, Report};
use akv_core::PluginName;
use akv_plugin::{Engine, Refusal};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Say what a plugin is: kind, WIT version, imports, schema, size, digest, or why it would be refused
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # would the controller run it, and what is its digest?
  akv2k8s plugin inspect shout.wasm"
))]
pub struct InspectArgs {
    /// The component, plain or gzip
    file: PathBuf,
    /// How to print
    #[arg(short, long, env = "AKV2K8S_OUTPUT", default_value = "text")]
    output: Report,
}

/// Runs the command.
pub fn run(args: &InspectArgs) -> Result<Exit, Stop> {
    let bytes = custom::read(&args.file).map_err(Stop::usage)?;
    let about = look(&args.file, &bytes);
    print::report(&about, args.output, text)?;
    Ok(if about["refused"].is_null() { Exit::Ok } else { Exit::Wrong })
}

/// Everything known. `refused` holds the sentence that the condition of the AzureKeyVaultPlugin would show.
fn look(file: &Path, bytes: &[u8]) -> Value {
    let mut about = json!({"file": file.display().to_string(), "size": bytes.len(), "digest": akv_plugin::digest(bytes), "imports": []});
    let inspection = match akv_plugin::inspect(bytes) {
        Ok(inspection) => inspection,
        Err(refusal) => {
            if let Refusal::Imports(imports) = &refusal {
                about["imports"] = json!(imports);
            }
            about["refused"] = json!(refusal.to_string());
            return about;
        }
    };
    about["kind"] = json!(inspection.kind.as_str());
    about["witVersion"] = json!(inspection.wit_version);
    about["exports"] = json!(inspection.exports);
    match trial(bytes) {
        Ok((name, version, schema)) => {
            about["name"] = json!(name);
            about["version"] = json!(version);
            about["configSchema"] = json!(schema);
        }
        Err(why) => about["refused"] = json!(why),
    }
    about
}

/// What the plugin says of itself: name, version, schema.
fn trial(bytes: &[u8]) -> Result<(String, String, Option<Value>), String> {
    let engine = Engine::new().map_err(|e| e.to_string())?;
    // The name that it runs under is the administrator's; here there is none.
    let name = PluginName::parse("inspected").map_err(|e| e.to_string())?;
    let info = custom::compiled(&engine, &name, bytes)?.info().clone();
    Ok((info.name, info.version, info.config_schema))
}

fn text(about: &Value) -> String {
    let mut lines = Vec::new();
    for (label, key) in [
        ("file", "file"),
        ("name", "name"),
        ("version", "version"),
        ("kind", "kind"),
        ("WIT version", "witVersion"),
        ("size", "size"),
        ("sha256", "digest"),
        ("imports", "imports"),
        ("exports", "exports"),
        ("refused", "refused"),
        ("config", "configSchema"),
    ] {
        let value = match &about[key] {
            Value::Null if key == "configSchema" && about["refused"].is_null() => "none taken".to_owned(),
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Array(items) if items.is_empty() => "none".to_owned(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n             "),
            Value::Object(schema) => {
                serde_json::to_string_pretty(schema).unwrap_or_default().replace('\n', "\n             ")
            }
            other => format!("{other} bytes"),
        };
        lines.push(format!("{label:<12} {value}"));
    }
    lines.join("\n") + "\n"
}
