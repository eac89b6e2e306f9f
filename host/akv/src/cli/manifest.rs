//! Files, directories and stdin become resources with places.

use super::exit::Stop;
use super::finding::{Finding, Remark, Severity};
use super::locate::{Lines, documents};
use super::structure;
use akv_api::reason::INVALID_SPEC;
use akv_api::{AzureKeyVaultPlugin, AzureKeyVaultSecret, crd};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Which manifests, and where they would be applied.
#[derive(Debug, Clone, clap::Args)]
pub struct ManifestArgs {
    /// Files, directories (their .yaml, .yml and .json files), or - for stdin
    #[arg(short = 'f', long = "filename", required = true, num_args = 1.., value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The namespace of resources that name none; else `default`
    #[arg(short, long, env = "AKV2K8S_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,
}

/// One resource of a file.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// What it is.
    pub resource: Resource,
    /// Where it stands.
    pub place: Place,
}

/// Where a resource stands.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file as it was named; `-` for stdin.
    pub file: String,
    /// Kind, namespace and name.
    pub resource: String,
    prefix: String,
    lines: Lines,
}

/// The resources that this program knows.
#[derive(Debug, Clone)]
pub enum Resource {
    /// An `AzureKeyVaultSecret`, read as the stored version.
    Secret(Box<AzureKeyVaultSecret>),
    /// An `AzureKeyVaultPlugin`.
    Plugin(Box<AzureKeyVaultPlugin>),
    /// A `Namespace`, for its labels.
    Namespace(Box<Namespace>),
    /// Anything else; left alone.
    Other,
}

impl Place {
    /// The directory of the file, for paths in the resource that are relative to it.
    pub fn directory(&self) -> &Path {
        Path::new(&self.file).parent().unwrap_or(Path::new("."))
    }

    /// A remark with file and line.
    pub fn find(&self, remark: Remark) -> Finding {
        Finding {
            file: self.file.clone(),
            line: self.lines.of(&format!("{}{}", self.prefix, remark.path)),
            resource: self.resource.clone(),
            severity: remark.severity,
            reason: remark.reason,
            path: remark.path,
            message: remark.message,
        }
    }
}

/// Reads what `-f` names, directories not deeper than themselves.
pub fn read(args: &ManifestArgs) -> Result<(Vec<Manifest>, Vec<Finding>), Stop> {
    let crds = crd::all();
    let (mut manifests, mut findings) = (Vec::new(), Vec::new());
    for file in files_of(&args.files)? {
        let text = text(&file)?;
        parse(&file.display().to_string(), &text, &crds, &mut manifests, &mut findings);
    }
    for manifest in &mut manifests {
        if let Resource::Secret(secret) = &mut manifest.resource {
            let written = secret.metadata.namespace.take();
            secret.metadata.namespace = written.or_else(|| args.namespace.clone());
        }
    }
    Ok((manifests, findings))
}

/// The files that names stand for: themselves, or what is in a directory.
pub fn files_of(names: &[PathBuf]) -> Result<Vec<PathBuf>, Stop> {
    let files: Result<Vec<Vec<PathBuf>>, Stop> = names.iter().map(|n| files(n)).collect();
    Ok(files?.concat())
}

fn files(name: &Path) -> Result<Vec<PathBuf>, Stop> {
    if !name.is_dir() {
        return Ok(vec![name.to_owned()]);
    }
    let unreadable = |e: std::io::Error| Stop::usage(format!("{}: {e}", name.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(name).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() && path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Stop::usage(format!(
            "{}: there is no .yaml, .yml or .json file in this directory",
            name.display()
        )));
    }
    files.sort();
    Ok(files)
}

/// The text of a file, or of stdin for `-`.
pub fn text(file: &Path) -> Result<String, Stop> {
    let read = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|e| Stop::usage(format!("{}: {e}", file.display())))
}

fn parse(
    file: &str,
    text: &str,
    crds: &[CustomResourceDefinition],
    manifests: &mut Vec<Manifest>,
    findings: &mut Vec<Finding>,
) {
    let broken = |line: usize, message: String| Finding {
        file: file.to_owned(),
        line,
        resource: String::new(),
        severity: Severity::Error,
        reason: Some(INVALID_SPEC),
        path: String::new(),
        message: format!("this is not YAML: {message}"),
    };
    let documents = match documents(text) {
        Ok(documents) => documents,
        Err(fault) => return findings.push(broken(fault.line, fault.message)),
    };
    for document in documents {
        let value = match serde_yaml_ng::from_str::<Value>(document.text) {
            Ok(value) => value,
            Err(e) => {
                let line = e.location().map_or(1, |l| l.line()) + document.first_line - 1;
                findings.push(broken(line, e.to_string()));
                continue;
            }
        };
        // `kubectl get -o yaml` prints lists.
        let is_list = value["kind"].as_str().is_some_and(|k| k.ends_with("List")) && value["items"].is_array();
        let items: Vec<(String, Value)> = match value {
            Value::Null => continue,
            Value::Object(mut list) if is_list => {
                let Some(Value::Array(items)) = list.remove("items") else {
                    continue;
                };
                items.into_iter().enumerate().map(|(i, item)| (format!("items[{i}]."), item)).collect()
            }
            value => vec![(String::new(), value)],
        };
        for (prefix, value) in items {
            let place = Place { file: file.to_owned(), resource: title(&value), prefix, lines: document.lines.clone() };
            let (resource, remarks) = resource(value, crds);
            findings.extend(remarks.into_iter().map(|r| place.find(r)));
            if let Some(resource) = resource {
                manifests.push(Manifest { resource, place });
            }
        }
    }
}

fn title(value: &Value) -> String {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&value["kind"]), text(&value["metadata"]["name"]));
    match value["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}").trim().to_owned(),
    }
}

/// What the server would store; `None` if it would not.
fn resource(mut value: Value, crds: &[CustomResourceDefinition]) -> (Option<Resource>, Vec<Remark>) {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&value["apiVersion"]), text(&value["kind"]));
    let mut remarks = Vec::new();
    if api_version == "v1" && kind == "Namespace" {
        return typed(value, Resource::Namespace, remarks);
    }
    let Some((group, version)) = api_version.split_once('/').filter(|(group, _)| *group == akv_api::name::GROUP) else {
        if !value.is_object() || kind.is_empty() || api_version.is_empty() {
            remarks.push(Remark::fault(
                INVALID_SPEC,
                "",
                "this is no Kubernetes resource: apiVersion and kind are missing",
            ));
        }
        return (Some(Resource::Other), remarks);
    };
    let Some(crd) = crds.iter().find(|c| c.spec.names.kind == kind) else {
        // A kind of the group that another part of the product owns.
        remarks.push(Remark::warning("kind", format!("{group} has no {kind} here; it was not looked at")));
        return (Some(Resource::Other), remarks);
    };
    let schema = |name: &str| {
        let version = crd.spec.versions.iter().find(|v| v.name == name && v.served)?;
        version.schema.as_ref()?.open_api_v3_schema.as_ref()
    };
    let Some(written) = schema(version) else {
        let served: Vec<&str> = crd.spec.versions.iter().map(|v| v.name.as_str()).collect();
        let message = format!("{kind} has no version {version:?}; use {}", served.join(", "));
        remarks.push(Remark::fault(INVALID_SPEC, "apiVersion", message));
        return (None, remarks);
    };
    if value["metadata"]["name"].as_str().is_none_or(str::is_empty) && value["metadata"]["generateName"].is_null() {
        remarks.push(Remark::fault(INVALID_SPEC, "metadata.name", "Required value"));
    }
    // Metadata is the API server's own; status is not the author's.
    let metadata = value.as_object_mut().and_then(|o| {
        o.remove("status");
        o.remove("metadata")
    });
    let mut structure_remarks = Vec::new();
    structure::check(written, &mut value, "", &mut structure_remarks);
    structure_remarks.retain(|r| r.path != "metadata");
    remarks.extend(structure_remarks);
    let stored = crd.spec.versions.iter().find(|v| v.storage).map(|v| v.name.clone()).unwrap_or_default();
    if stored != version
        && let Some(schema) = schema(&stored)
    {
        // What the stored version does not know is dropped without a word, as it always was.
        structure::check(schema, &mut value, "", &mut Vec::new());
    }
    value["apiVersion"] = Value::String(format!("{group}/{stored}"));
    if let Some(metadata) = metadata {
        value["metadata"] = metadata;
    }
    if remarks.iter().any(|r| r.severity == Severity::Error) {
        return (None, remarks);
    }
    match kind.as_str() {
        "AzureKeyVaultSecret" => typed(value, Resource::Secret, remarks),
        "AzureKeyVaultPlugin" => typed(value, Resource::Plugin, remarks),
        _ => (Some(Resource::Other), remarks),
    }
}

fn typed<T: for<'a> Deserialize<'a>>(
    value: Value,
    make: fn(Box<T>) -> Resource,
    mut remarks: Vec<Remark>,
) -> (Option<Resource>, Vec<Remark>) {
    match serde_json::from_value(value) {
        Ok(resource) => (Some(make(Box::new(resource))), remarks),
        Err(e) => {
            remarks.push(Remark::fault(INVALID_SPEC, "", e.to_string()));
            (None, remarks)
        }
    }
}
