//! Targets as manifests, values masked unless asked for.

use super::exit::{Exit, Stop};
use super::printed;
use akv_api::AzureKeyVaultSecret;
use akv_core::{Entry, SecretValue, Target, metadata};
use k8s_openapi::ByteString;
use kube::ResourceExt;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write;

/// How to print what a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Report {
    /// Lines for people
    Text,
    /// One value for programs, as JSON
    Json,
    /// The same as YAML
    Yaml,
}

/// How to print manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Documents with `---` between them
    Yaml,
    /// One `List`
    Json,
}

/// The target as `kubectl get` would show it. `None` for a target that is none in the cluster.
pub fn manifest(resource: &AzureKeyVaultSecret, target: &Target, entries: &[Entry], reveal: bool) -> Option<Value> {
    let (kind, name, extra) = match target {
        Target::Secret { name, metadata, .. } => ("Secret", name, metadata),
        Target::ConfigMap { name, metadata } => ("ConfigMap", name, metadata),
        Target::Environment { .. } => return None,
    };
    let (labels, annotations) = metadata::copied(resource.labels(), resource.annotations(), extra);
    let mut about = json!({"name": name});
    if let Some(namespace) = resource.namespace() {
        about["namespace"] = json!(namespace);
    }
    if !labels.is_empty() {
        about["labels"] = json!(labels);
    }
    if !annotations.is_empty() {
        about["annotations"] = json!(annotations);
    }
    let mut entries: Vec<&Entry> = entries.iter().collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let data = entries.into_iter().map(|e| (e.key.clone(), shown(&e.value, kind == "Secret", reveal))).collect();
    let mut out = json!({"apiVersion": "v1", "kind": kind, "metadata": about, "data": Value::Object(data)});
    if let Target::Secret { secret_type, .. } = target {
        out["type"] = json!(secret_type.as_deref().filter(|t| !t.is_empty()).unwrap_or("Opaque"));
    }
    Some(out)
}

fn shown(value: &SecretValue, base64: bool, reveal: bool) -> Value {
    match (reveal, base64) {
        (false, _) => Value::String(format!("*** ({} bytes)", value.len())),
        (true, true) => json!(ByteString(value.expose().to_vec())),
        // The runtime lets nothing into a ConfigMap that is no text.
        (true, false) => Value::String(String::from_utf8_lossy(value.expose()).into_owned()),
    }
}

/// Prints manifests to stdout.
pub fn manifests(manifests: Vec<Value>, form: Form) -> Result<(), Stop> {
    let text = match form {
        Form::Json => {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": manifests});
            serde_json::to_string_pretty(&list).map(|t| t + "\n").map_err(|e| e.to_string())
        }
        Form::Yaml => {
            let documents: Result<Vec<String>, _> = manifests.iter().map(serde_yaml_ng::to_string).collect();
            documents.map(|d| d.join("---\n")).map_err(|e| e.to_string())
        }
    };
    let text = text.map_err(Stop::wrong)?;
    printed(std::io::stdout().lock().write_all(text.as_bytes()))
}

/// Prints a report, by `text` where lines are asked for.
pub fn report<T: Serialize>(found: &T, form: Report, text: impl FnOnce(&T) -> String) -> Result<(), Stop> {
    let text = match form {
        Report::Text => text(found),
        Report::Json => {
            serde_json::to_string_pretty(found).map(|t| t + "\n").map_err(|e| Stop::wrong(e.to_string()))?
        }
        Report::Yaml => serde_yaml_ng::to_string(found).map_err(|e| Stop::wrong(e.to_string()))?,
    };
    printed(std::io::stdout().lock().write_all(text.as_bytes()))
}

/// A number of things: `1 resource`, `2 resources`.
pub fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Prints one line.
pub fn line(text: &str) -> Result<Exit, Stop> {
    printed(writeln!(std::io::stdout().lock(), "{text}"))?;
    Ok(Exit::Ok)
}
