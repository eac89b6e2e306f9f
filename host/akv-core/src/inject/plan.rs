//! What has to be done to a pod, and what must be known to do it.

use super::Settings;
use super::expansion;
use super::pod::{LISTS, has_named, items, mark, on_windows, text, texts};
use crate::Fault;
use akv_api::name;
use akv_api::reason;
use akv_wire::name::{COPY_CONTAINER, TOKEN_DIR};
use akv_wire::reference::MARK;
use akv_wire::{Reference, Text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The containers that are wrapped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each of them, in the order of the pod.
    pub wraps: Vec<Wrap>,
    /// Resources whose objects may be missing.
    pub optional: Vec<String>,
    /// What the author of the pod should know.
    pub warnings: Vec<String>,
}

/// One container that is wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrap {
    /// `initContainers` or `containers`.
    pub list: &'static str,
    /// Its place in that list.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its image, as written.
    pub image: String,
    /// Its pull policy, as written; the API server's default otherwise.
    pub pull_policy: Option<String>,
    /// What its literal variables refer to. Empty where only `envFrom`, `valueFrom` or files are the reason.
    pub references: BTreeSet<Reference>,
    /// Where files go, by resource.
    pub files: BTreeMap<String, String>,
    /// The command line as far as the pod states it; without one the image has to be asked.
    pub command: Option<Command>,
}

/// What stands in the pod of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `command`, with `args`; the kubelet expands both.
    Container(Vec<String>),
    /// The annotation stands for what the image says.
    Image(Vec<String>),
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.wraps.is_empty()
    }

    /// The resources that any container refers to by a literal, or takes files from.
    pub fn resources(&self) -> BTreeSet<&str> {
        let wraps = self.wraps.iter();
        wraps
            .flat_map(|w| w.references.iter().map(|r| r.resource.as_str()).chain(w.files.keys().map(String::as_str)))
            .collect()
    }
}

/// Looks at a pod.
///
/// # Errors
/// Every fault at once, each with its path: the pod is refused or left alone, as the administrator chose.
pub fn plan(pod: &Value, settings: &Settings) -> Result<Plan, Vec<Fault>> {
    let mut plan = Plan::default();
    if mark(pod, "labels", name::INJECT) == Some("disabled") {
        return Ok(plan);
    }
    let (mut faults, spec) = (Vec::new(), &pod["spec"]);
    let executable = settings.executable();
    plan.optional = list(mark(pod, "annotations", name::OPTIONAL).unwrap_or_default());
    for list in LISTS {
        for (index, container) in items(spec, list).iter().enumerate() {
            let wrapped = items(container, "command").first().and_then(Value::as_str) == Some(&executable);
            if wrapped || text(container, "name") == COPY_CONTAINER {
                continue;
            }
            match look(pod, list, index, container, settings, &mut plan.warnings) {
                Ok(Some(wrap)) => plan.wraps.push(wrap),
                Ok(None) => {}
                Err(more) => faults.extend(more),
            }
        }
    }
    faults.extend(unknown_containers(pod));
    if !faults.is_empty() {
        return Err(faults);
    }
    if on_windows(pod) && !plan.is_empty() {
        let warning = "the pod runs on Windows, where nothing is injected: its references stay text".to_owned();
        return Ok(Plan { warnings: vec![warning], ..Plan::default() });
    }
    Ok(plan)
}

fn look(
    pod: &Value,
    list: &'static str,
    index: usize,
    container: &Value,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<Option<Wrap>, Vec<Fault>> {
    let name = text(container, "name").to_owned();
    let path = format!("spec.{list}[{name}]");
    let files = files(pod, &name, settings)?;
    let (mut references, mut variables, mut escapes) = (BTreeSet::new(), BTreeSet::new(), false);
    for variable in items(container, "env") {
        let (value, variable) = (text(variable, "value"), text(variable, "name"));
        match Text::parse(value) {
            Some(found) => {
                escapes = true;
                if found.references().next().is_some() {
                    variables.insert(variable);
                }
                references.extend(found.references().cloned());
            }
            None if value.contains(MARK) => warnings.push(format!(
                "{path}.env[{variable}]: the value holds {MARK} and is no reference, so it stays as it is; a reference is NAME{MARK}, NAME{MARK}?KEY or ${{NAME{MARK}}} within a text"
            )),
            None => {}
        }
    }
    let indirect = mark(pod, "annotations", name::INJECT) == Some("true")
        && (!items(container, "envFrom").is_empty()
            || items(container, "env").iter().any(|v| v.get("valueFrom").is_some()));
    if !escapes && !indirect && files.is_empty() {
        return Ok(None);
    }
    let mut faults = expanded(container, &path, &variables);
    faults.extend(taken(container, &path, &files, settings));
    if !faults.is_empty() {
        return Err(faults);
    }
    let (command, args) = (texts(container, "command"), texts(container, "args"));
    let command = match stated(pod, &name)? {
        _ if !command.is_empty() => Some(Command::Container([command, args].concat())),
        Some(image) => Some(Command::Image(image)),
        None => None,
    };
    let pull_policy = Some(text(container, "imagePullPolicy")).filter(|p| !p.is_empty()).map(str::to_owned);
    let image = text(container, "image").to_owned();
    Ok(Some(Wrap { list, index, name, image, pull_policy, references, files, command }))
}

/// The kubelet expands `$(NAME)` before the executable runs, so whatever uses a reference that way would get the
/// placeholder.
fn expanded(container: &Value, path: &str, variables: &BTreeSet<&str>) -> Vec<Fault> {
    let env = items(container, "env").iter().map(|v| (format!("env[{}]", text(v, "name")), text(v, "value")));
    let words = ["command", "args"].into_iter().flat_map(|field| {
        items(container, field)
            .iter()
            .enumerate()
            .map(move |(n, word)| (format!("{field}[{n}]"), word.as_str().unwrap_or_default()))
    });
    let uses = env.chain(words).flat_map(|(place, text)| {
        expansion::names(text)
            .into_iter()
            .filter(|name| variables.contains(name))
            .map(move |name| (place.clone(), name))
            .collect::<Vec<_>>()
    });
    uses.map(|(place, name)| {
        fault(
            format!("{path}.{place}"),
            format!("$({name}) is put in by the kubelet before the value of {name} is known: let a shell expand ${name}, or write the reference inline as ${{NAME{MARK}}}"),
        )
    })
    .collect()
}

/// Places where the pod mounts something of its own.
fn taken(container: &Value, path: &str, files: &BTreeMap<String, String>, settings: &Settings) -> Vec<Fault> {
    let ours = [settings.directory.as_str(), TOKEN_DIR].into_iter().chain(files.values().map(String::as_str));
    let ours: Vec<&str> = ours.map(|place| place.trim_end_matches('/')).collect();
    let mounts = items(container, "volumeMounts").iter().map(|mount| text(mount, "mountPath"));
    let taken = mounts.filter(|place| ours.contains(&place.trim_end_matches('/')));
    taken
        .map(|place| {
            fault(format!("{path}.volumeMounts[{place}]"), "the env injector mounts a volume there".to_owned())
        })
        .collect()
}

/// The annotation `spv.no/command.<container>`.
fn stated(pod: &Value, container: &str) -> Result<Option<Vec<String>>, Vec<Fault>> {
    let annotation = format!("{}{container}", name::COMMAND_PREFIX);
    let Some(text) = mark(pod, "annotations", &annotation) else {
        return Ok(None);
    };
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(words) if !words.is_empty() => Ok(Some(words)),
        _ => Err(vec![fault(
            format!("metadata.annotations[{annotation}]"),
            "it is not a JSON list of texts with the image's command line, such as [\"/app\", \"serve\"]".to_owned(),
        )]),
    }
}

/// The annotation `spv.no/files.<container>`: `resource=/path`, by comma.
fn files(pod: &Value, container: &str, settings: &Settings) -> Result<BTreeMap<String, String>, Vec<Fault>> {
    let annotation = format!("{}{container}", name::FILES_PREFIX);
    let mut files = BTreeMap::new();
    let mut faults = Vec::new();
    for pair in list(mark(pod, "annotations", &annotation).unwrap_or_default()) {
        let path = |path: &str| {
            path.starts_with('/')
                && path.len() > 1
                && !path.split('/').any(|part| part == "..")
                && path.trim_end_matches('/') != settings.directory.trim_end_matches('/')
        };
        let resource = |name: &str| Reference::parse(&format!("{name}{MARK}")).is_some();
        match pair.split_once('=') {
            Some((name, at)) if resource(name) && path(at) && !files.values().any(|other| other == at) => {
                files.insert(name.to_owned(), at.to_owned());
            }
            _ => faults.push(fault(
                format!("metadata.annotations[{annotation}]"),
                format!("{pair:?} is not RESOURCE=/PATH with an absolute path of its own"),
            )),
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

/// An annotation for a container that does not exist is a slip that would go unnoticed.
fn unknown_containers(pod: &Value) -> Vec<Fault> {
    let annotations = pod.pointer("/metadata/annotations").and_then(Value::as_object);
    let named = annotations.into_iter().flatten().filter_map(|(annotation, _)| {
        let prefixes = [name::COMMAND_PREFIX, name::FILES_PREFIX];
        Some((annotation, prefixes.iter().find_map(|prefix| annotation.strip_prefix(prefix))?))
    });
    named
        .filter(|(_, container)| !LISTS.iter().any(|list| has_named(&pod["spec"], list, container)))
        .map(|(annotation, container)| {
            fault(format!("metadata.annotations[{annotation}]"), format!("the pod has no container {container:?}"))
        })
        .collect()
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn fault(path: String, message: String) -> Fault {
    Fault { path, reason: reason::INVALID_SPEC, message }
}
