//! Doing what the plan says.

use super::plan::{Command, Plan, Wrap};
use super::pod::{has_named, texts};
use super::{Settings, expansion, init};
use akv_wire::arguments::{Arguments, END};
use akv_wire::name::{COPY_CONTAINER, EXECUTABLE_VOLUME, TOKEN_DIR, files_volume, token_volume};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What an image's config says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageCommand {
    /// `Entrypoint`.
    pub entrypoint: Vec<String>,
    /// `Cmd`.
    pub cmd: Vec<String>,
}

/// What had to be asked elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    /// The command of each image that [`Wrap::command`] lacks, by container.
    pub images: BTreeMap<String, ImageCommand>,
    /// The custom plugins of each resource, by name, with their digests.
    pub plugins: BTreeMap<String, BTreeMap<String, String>>,
}

impl Plan {
    /// The pod as it is admitted.
    pub fn apply(&self, pod: &Value, knowledge: &Knowledge, settings: &Settings) -> Value {
        let mut changed = pod.clone();
        if self.is_empty() {
            return changed;
        }
        for wrap in &self.wraps {
            let container = &mut changed["spec"][wrap.list][wrap.index];
            let mut args = self.arguments(wrap, knowledge, settings).to_args();
            args.push(END.to_owned());
            args.extend(command_line(wrap, container, knowledge));
            container["command"] = json!([settings.executable()]);
            container["args"] = json!(args);
            for mount in mounts(wrap, settings) {
                push(container, "volumeMounts", mount, "mountPath");
            }
        }
        let spec = &mut changed["spec"];
        push(spec, "volumes", init::executable_volume(settings), "name");
        for wrap in &self.wraps {
            if settings.service.is_some() {
                push(spec, "volumes", init::token(&wrap.name), "name");
            }
            if !wrap.files.is_empty() {
                push(spec, "volumes", init::files(&wrap.name, settings), "name");
            }
        }
        if !has_named(spec, "initContainers", COPY_CONTAINER) {
            let copy = init::container(pod, settings);
            match spec["initContainers"].as_array_mut() {
                Some(list) => list.insert(0, copy),
                None => spec["initContainers"] = json!([copy]),
            }
        }
        changed
    }

    fn arguments(&self, wrap: &Wrap, knowledge: &Knowledge, settings: &Settings) -> Arguments {
        let resources = wrap.references.iter().map(|r| &r.resource).chain(wrap.files.keys());
        Arguments {
            container: wrap.name.clone(),
            service: settings.service.as_ref().map(|s| s.url.clone()),
            root: settings.service.as_ref().map(|s| s.root.clone()).unwrap_or_default(),
            plugins: resources
                .filter_map(|r| knowledge.plugins.get(r))
                .flatten()
                .map(|(n, d)| (n.clone(), d.clone()))
                .collect(),
            optional: self.optional.clone(),
            files: wrap.files.clone(),
            token: None,
            debug: settings.debug,
        }
    }
}

/// What the container runtime would have started.
fn command_line(wrap: &Wrap, container: &Value, knowledge: &Knowledge) -> Vec<String> {
    let args = texts(container, "args");
    let of_image = |words: &[String]| words.iter().map(|word| expansion::escaped(word)).collect::<Vec<_>>();
    match &wrap.command {
        Some(Command::Container(words)) => words.clone(),
        Some(Command::Image(words)) => [of_image(words), args].concat(),
        None => {
            let image = knowledge.images.get(&wrap.name).cloned().unwrap_or_default();
            let rest = if args.is_empty() { of_image(&image.cmd) } else { args };
            [of_image(&image.entrypoint), rest].concat()
        }
    }
}

fn mounts(wrap: &Wrap, settings: &Settings) -> Vec<Value> {
    let mut mounts = vec![json!({"name": EXECUTABLE_VOLUME, "mountPath": settings.directory, "readOnly": true})];
    if settings.service.is_some() {
        mounts.push(json!({"name": token_volume(&wrap.name), "mountPath": TOKEN_DIR, "readOnly": true}));
    }
    let files = wrap.files.iter();
    mounts.extend(
        files.map(|(resource, path)| json!({"name": files_volume(&wrap.name), "mountPath": path, "subPath": resource})),
    );
    mounts
}

/// Adds an item unless one with the same `key` is there.
fn push(object: &mut Value, field: &str, item: Value, key: &str) {
    match object[field].as_array_mut() {
        Some(list) if list.iter().any(|other| other[key] == item[key]) => {}
        Some(list) => list.push(item),
        None => object[field] = json!([item]),
    }
}
