//! Shapes of pods as data: the pod as its author writes it, what admission makes of it, what its processes saw.

use crate::node::image;
use k8s_openapi::api::core::v1 as core;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use xtask::layout;

/// A file of `tests/data/pods`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shape {
    /// The file's name.
    #[serde(skip)]
    pub name: String,
    /// What is special about it, for a reader.
    pub shows: String,
    /// Where it runs.
    #[serde(default)]
    pub namespace: Place,
    /// The pod before. Left out: its name, and of each container the probe's image; `restartPolicy` is `Never`.
    pub pod: Option<Value>,
    /// A Job's template in place of the pod.
    pub job: Option<Value>,
    /// The admitted pod.
    #[serde(default)]
    pub after: After,
    /// What the probe told, by container.
    pub saw: BTreeMap<String, Saw>,
}

/// A namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// With injection.
    #[default]
    Enabled,
    /// With injection and the Pod Security Standard `restricted`.
    Restricted,
    /// Without.
    Unlabelled,
}

/// What is true of the pod as it was stored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct After {
    /// The containers that start with the executable. Every other container is as it was before.
    #[serde(default)]
    pub wrapped: BTreeSet<String>,
    /// What follows `--` in their arguments.
    #[serde(default)]
    pub tail: BTreeMap<String, Vec<String>>,
    /// The class that the pod has.
    pub qos: Option<String>,
    /// Whether the pod is not changed at all, though it runs a program of that name.
    #[serde(default)]
    pub untouched: bool,
}

/// What the probe told of one container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Saw {
    /// Variables.
    #[serde(default)]
    pub env: BTreeMap<String, Text>,
    /// Variables that it has not.
    #[serde(default)]
    pub without: Vec<String>,
    /// The command line.
    pub argv: Option<Vec<String>>,
    /// The working directory.
    pub cwd: Option<String>,
    /// The user.
    pub uid: Option<u32>,
    /// Files.
    #[serde(default)]
    pub files: BTreeMap<String, File>,
    /// How it ended.
    pub exit: Option<i32>,
    /// Whether its probes let it be ready.
    pub ready: Option<bool>,
}

/// A file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What is in it.
    pub content: Text,
    /// Its mode in octal.
    pub mode: Option<String>,
    /// Its owner.
    pub uid: Option<u32>,
}

/// A text, or the beginning and the end of one that is made up in each run.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// All of it.
    Whole(String),
    /// Its ends.
    Ends {
        /// The beginning.
        starts: String,
        /// The end.
        ends: String,
    },
}

impl Text {
    fn is(&self, found: &str) -> bool {
        match self {
            Self::Whole(text) => text == found,
            Self::Ends { starts, ends } => found.starts_with(starts) && found.ends_with(ends),
        }
    }
}

/// All shapes, by name.
pub fn all() -> Vec<Shape> {
    let dir = layout::root().join("tests/data/pods");
    layout::files(&dir, "yaml").iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Shape {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut shape: Shape = serde_yaml_ng::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    shape.name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    shape
}

impl Shape {
    /// The whole pod, or the pod of the Job.
    pub fn before(&self) -> Value {
        let mut pod = self.pod.clone().or_else(|| self.job.clone()).unwrap_or_default();
        if self.pod.is_some() {
            pod["metadata"]["name"] = json!(self.name);
            (pod["apiVersion"], pod["kind"]) = (json!("v1"), json!("Pod"));
        }
        let spec = &mut pod["spec"];
        spec["restartPolicy"] = json!("Never");
        spec["terminationGracePeriodSeconds"] = json!(1);
        for list in ["initContainers", "containers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                if container["image"].is_null() {
                    container["image"] = json!(image::PROBE);
                }
                container["imagePullPolicy"] = json!("Never");
            }
        }
        pod
    }

    /// Every way in which the stored pod differs from what the file says.
    pub fn faults_of_pod(&self, stored: &core::Pod) -> Vec<String> {
        let stored = serde_json::to_value(stored).unwrap_or_default();
        let before = self.before();
        let mut faults = Vec::new();
        for (list, container) in containers(&stored) {
            let name = container["name"].as_str().unwrap_or_default();
            let Some((_, original)) = containers(&before).find(|(l, c)| *l == list && c["name"] == name) else {
                if name != akv_wire::name::COPY_CONTAINER {
                    faults.push(format!("{name} is nobody's container"));
                }
                continue;
            };
            let wrapped =
                container["command"] == json!(["/azure-keyvault/azure-keyvault-env"]) && !self.after.untouched;
            if wrapped != self.after.wrapped.contains(name) {
                faults.push(format!("{name}: wrapped is {wrapped}"));
            }
            if !wrapped && ["command", "args", "env"].iter().any(|field| container[*field] != original[*field]) {
                faults.push(format!("{name} was changed: {container}"));
            }
            if let Some(tail) = self.after.tail.get(name) {
                let args = container["args"].as_array().cloned().unwrap_or_default();
                let found: Vec<_> = args.iter().skip_while(|arg| **arg != "--").skip(1).collect();
                if json!(found) != json!(tail) {
                    faults.push(format!("{name}: after `--` there is {}", json!(found)));
                }
            }
        }
        let copied = stored["spec"]["initContainers"][0]["name"] == akv_wire::name::COPY_CONTAINER;
        if copied == self.after.wrapped.is_empty() && !self.after.untouched {
            faults.push(format!("that it has the init container is {copied}"));
        }
        if let Some(qos) = &self.after.qos
            && stored["status"]["qosClass"] != **qos
        {
            faults.push(format!("its class is {}", stored["status"]["qosClass"]));
        }
        faults
    }
}

impl Saw {
    /// How many lines the probe prints at least.
    pub fn lines(&self) -> usize {
        1 + self.files.len()
    }

    /// Every way in which the probe's lines differ from what the file says. No value is in the sentences but those of tests.
    pub fn faults(&self, lines: &[Value]) -> Vec<String> {
        let report = lines.first().cloned().unwrap_or_default();
        let mut faults = Vec::new();
        let mut check = |what: &str, found: &Value, right: bool| {
            if !right {
                faults.push(format!("{what} is {found}"));
            }
        };
        for (name, text) in &self.env {
            let found = &report["env"][name];
            check(&format!("${name}"), found, found.as_str().is_some_and(|found| text.is(found)));
        }
        for name in &self.without {
            check(&format!("${name}"), &report["env"][name], report["env"].get(name).is_none());
        }
        if let Some(argv) = &self.argv {
            check("argv", &report["argv"], report["argv"] == json!(argv));
        }
        if let Some(cwd) = &self.cwd {
            check("cwd", &report["cwd"], report["cwd"] == **cwd);
        }
        if let Some(uid) = self.uid {
            check("uid", &report["uid"], report["uid"] == uid);
        }
        // What the executable was told is nothing of the application's.
        let ours = report["env"].as_object().into_iter().flatten().find(|(name, _)| name.contains("KEYVAULT"));
        check("a variable of ours", &json!(ours.is_some()), ours.is_none());
        for (path, file) in &self.files {
            let found = lines.iter().find(|line| line["path"] == **path).cloned().unwrap_or_default();
            let content = found["content"].as_str().is_some_and(|content| file.content.is(content));
            let mode = file.mode.as_ref().is_none_or(|mode| found["mode"] == **mode);
            let uid = file.uid.is_none_or(|uid| found["uid"] == uid);
            check(path, &found, content && mode && uid);
        }
        faults
    }
}

fn containers(pod: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    ["initContainers", "containers"]
        .into_iter()
        .flat_map(|list| pod["spec"][list].as_array().into_iter().flatten().map(move |container| (list, container)))
}
