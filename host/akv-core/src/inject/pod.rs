//! Reading a pod that is a JSON document. What is missing or of another type is empty: the API server has validated the
//! pod, or will.

use serde_json::Value;

/// The two lists of containers that are looked at.
pub const LISTS: [&str; 2] = ["initContainers", "containers"];

/// The items of a list; none if there is none.
pub fn items<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    object.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text; empty if there is none.
pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A list of texts.
pub fn texts(object: &Value, field: &str) -> Vec<String> {
    items(object, field).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A label or annotation of the pod.
pub fn mark<'a>(pod: &'a Value, map: &str, name: &str) -> Option<&'a str> {
    pod.get("metadata")?.get(map)?.get(name)?.as_str()
}

/// Whether an item of a list has this name.
pub fn has_named(object: &Value, field: &str, name: &str) -> bool {
    items(object, field).iter().any(|item| text(item, "name") == name)
}

/// Whether the pod runs on Windows, where there is no executable of ours.
pub fn on_windows(pod: &Value) -> bool {
    let os = pod.pointer("/spec/os/name").or_else(|| pod.pointer("/spec/nodeSelector/kubernetes.io~1os"));
    os.and_then(Value::as_str) == Some("windows")
}

/// Whether the scheduler gives the pod the class `Guaranteed`: every container has limits of CPU and memory, and requests
/// that are missing or the same.
pub fn is_guaranteed(pod: &Value) -> bool {
    let spec = &pod["spec"];
    let mut containers = LISTS.iter().flat_map(|list| items(spec, list)).peekable();
    let whole = |container: &Value| {
        ["cpu", "memory"].iter().all(|resource| {
            let limit = container["resources"]["limits"].get(resource);
            let request = container["resources"]["requests"].get(resource);
            limit.is_some() && (request.is_none() || request == limit)
        })
    };
    containers.peek().is_some() && containers.all(whole)
}
