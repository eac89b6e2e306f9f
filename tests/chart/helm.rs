//! Runs Helm as `tests/helm` pins it.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The folder of a chart.
pub fn chart(name: &str) -> PathBuf {
    xtask::layout::root().join("charts").join(name)
}

/// What Helm said: stdout, or stderr where it failed.
pub fn helm(args: &[&str], input: &str) -> Result<String, String> {
    static HELM: OnceLock<PathBuf> = OnceLock::new();
    let helm = HELM.get_or_init(|| xtask::setup::helm::ensure().unwrap_or_else(|error| panic!("{error}")));
    let mut command = Command::new(helm);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("helm starts");
    // Dropped at once: Helm reads to the end.
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("helm reads its values");
    let out = child.wait_with_output().expect("helm ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("helm writes text");
    if out.status.success() { Ok(text(out.stdout)) } else { Err(text(out.stderr)) }
}

/// The chart `akv2k8s` with these values, in `namespace`.
pub fn template_in(namespace: &str, values: &Value) -> Result<String, String> {
    let chart = chart("akv2k8s");
    let chart = chart.to_str().expect("the checkout's path is text");
    helm(&["template", "akv2k8s", chart, "--namespace", namespace, "--values", "-"], &values.to_string())
}

/// The same in the namespace `akv2k8s`.
pub fn template(values: &Value) -> Result<String, String> {
    template_in("akv2k8s", values)
}

/// The manifests of a rendering.
pub fn manifests(rendered: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(rendered).map(Value::deserialize);
    let all: Vec<Value> = documents.collect::<Result<_, _>>().unwrap_or_else(|e| panic!("{e}\n{rendered}"));
    all.into_iter().filter(|manifest| !manifest.is_null()).collect()
}

/// The manifests with these values.
pub fn rendered(values: &Value) -> Vec<Value> {
    manifests(&template(values).unwrap_or_else(|error| panic!("{values}: {error}")))
}

/// The value sets of `tests/chart/values`, by name.
pub fn value_sets() -> Vec<(String, Value)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("chart/values");
    let sets = xtask::layout::files(&dir, "yaml").into_iter().map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, yaml(&path))
    });
    sets.collect()
}

/// A YAML or JSON file.
pub fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_yaml_ng::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Puts `value` at `path` (names by dots) of `tree`.
pub fn put(tree: &mut Value, path: &str, value: Value) {
    let mut place = tree;
    for name in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = place.as_object_mut().expect("it was made").entry(name).or_insert(Value::Null);
    }
    *place = value;
}

/// What is at `path` of `tree`.
pub fn at<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(tree, |place, name| place.get(name))
}
