//! Pods that the original admitted, before this installation was there.

use akv_wire::Arguments;
use akv_wire::name::COPY_CONTAINER;
use serde_json::Value;

/// Where the original always put its executable.
const EXECUTABLE: &str = "/azure-keyvault/azure-keyvault-env";
/// What its variables begin with; ours are arguments.
const VARIABLES: &str = "ENV_INJECTOR_";

/// Whether the original admitted this pod, and did so before `installed`, Unix seconds. The API server writes the time of
/// creation, so nobody can make an old pod.
pub fn is_of_the_original(pod: &Value, installed: i64) -> bool {
    let created = pod["metadata"]["creationTimestamp"].as_str().and_then(super::container::timestamp);
    let copied = list(pod, "initContainers").any(|container| container["name"] == COPY_CONTAINER);
    created.is_some_and(|created| created < installed) && copied && list(pod, "containers").any(is_wrapped)
}

fn is_wrapped(container: &Value) -> bool {
    let variables = container["env"].as_array().into_iter().flatten();
    let args: Vec<String> =
        container["args"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    container["command"][0] == EXECUTABLE
        && variables.filter_map(|v| v["name"].as_str()).any(|name| name.starts_with(VARIABLES))
        && !Arguments::parse(&args).is_ok_and(|(ours, _)| !ours.container.is_empty())
}

fn list<'a>(pod: &'a Value, name: &'static str) -> impl Iterator<Item = &'a Value> {
    pod["spec"][name].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// 2026-01-01T00:00:00Z.
    const INSTALLED: i64 = 1_767_225_600;

    fn pod() -> Value {
        json!({
            "metadata": {"creationTimestamp": "2025-12-31T23:59:59Z"},
            "spec": {
                "initContainers": [{"name": "copy-azurekeyvault-env", "command": ["sh", "-c", "cp x y"]}],
                "containers": [{
                    "name": "app", "command": ["/azure-keyvault/azure-keyvault-env"], "args": ["/app", "serve"],
                    "env": [{"name": "DB", "value": "db@azurekeyvault"}, {"name": "ENV_INJECTOR_POD_NAME"}],
                }],
            },
        })
    }

    #[test]
    fn a_pod_of_the_original_is_one_as_long_as_it_is_older() {
        assert!(is_of_the_original(&pod(), INSTALLED));
        assert!(!is_of_the_original(&pod(), INSTALLED - 1));
    }

    #[test]
    fn a_pod_of_another_shape_is_none() {
        type Change = fn(&mut Value);
        let changes: [Change; 7] = [
            |pod| pod["metadata"]["creationTimestamp"] = json!("yesterday"),
            |pod| pod["metadata"] = json!({}),
            |pod| pod["spec"]["initContainers"] = json!([]),
            |pod| pod["spec"]["containers"][0]["command"] = json!(["/app"]),
            |pod| pod["spec"]["containers"][0]["env"] = json!([]),
            // Ours.
            |pod| pod["spec"]["containers"][0]["args"] = json!(["run", "--container=app", "--", "/app"]),
            |pod| *pod = json!(null),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut other = pod();
            change(&mut other);
            assert!(!is_of_the_original(&other, INSTALLED), "{n}");
        }
    }
}
