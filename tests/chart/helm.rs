//! The charts as Helm renders them.

pub use akv_tests::helm::{chart, helm};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::Path;

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

/// What runs: a manifest, and the pod that is its template or the manifest itself.
pub fn pods(manifests: &[Value]) -> impl Iterator<Item = (&Value, &Value)> {
    let pod = |m: &'_ Value| if m["kind"] == "Pod" { "" } else { "/spec/template" };
    let with_pod = manifests.iter().filter_map(move |m| Some((m, m.pointer(pod(m))?)));
    with_pod.filter(|(_, pod)| pod["spec"]["containers"].is_array())
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
