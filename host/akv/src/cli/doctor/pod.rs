//! What pods say: whether they are ready, why not, and whether a reference in them was replaced.

use super::part::Part;
use akv_api::name::INJECT;
use akv_wire::Text;
use akv_wire::name::EXECUTABLE;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use kube::ResourceExt;

/// Whether a pod belongs to a Deployment of ours.
pub fn of(part: &Part, pod: &Pod) -> bool {
    let selector = part.deployment.spec.as_ref().and_then(|spec| spec.selector.match_labels.as_ref());
    selector.is_some_and(|labels| !labels.is_empty() && labels.iter().all(|(k, v)| pod.labels().get(k) == Some(v)))
}

/// Whether it is ready.
pub fn ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Why it is not ready, as far as it says so itself.
pub fn trouble(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let why = containers.filter(|container| !container.ready).find_map(of_container);
    why.or_else(|| {
        let conditions = status.conditions.iter().flatten();
        let unmet = conditions.filter(|condition| condition.status == "False").find_map(|c| c.message.clone());
        unmet.filter(|message| !message.is_empty())
    })
}

fn of_container(status: &ContainerStatus) -> Option<String> {
    let state = status.state.as_ref()?;
    let ended = state.terminated.as_ref().or(status.last_state.as_ref().and_then(|last| last.terminated.as_ref()));
    let waiting = state.waiting.as_ref().and_then(|waiting| Some((waiting.reason.clone()?, waiting.message.clone())));
    match (waiting, ended) {
        (Some((reason, _)), Some(ended)) => {
            let said = ended.message.as_deref().map(|text| format!(": {}", text.trim())).unwrap_or_default();
            Some(format!("{reason}, it ended with {}{said}", ended.exit_code))
        }
        (Some((reason, Some(message))), None) => Some(format!("{reason}: {message}")),
        (Some((reason, None)), None) => Some(reason),
        (None, _) => None,
    }
}

/// The containers of a pod that run, or will, with a reference that nobody replaced.
pub fn uninjected(pod: &Pod) -> Vec<&str> {
    let over = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let left_alone = pod.labels().get(INJECT).is_some_and(|value| value == "disabled");
    if left_alone || matches!(over, Some("Succeeded" | "Failed")) {
        return Vec::new();
    }
    let containers = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
    containers.filter(|container| refers(container) && !wrapped(container)).map(|c| c.name.as_str()).collect()
}

fn refers(container: &Container) -> bool {
    let values = container.env.iter().flatten().filter_map(|variable| variable.value.as_deref());
    values.filter_map(Text::parse).any(|text| text.references().next().is_some())
}

fn wrapped(container: &Container) -> bool {
    let first = container.command.iter().flatten().next();
    first.is_some_and(|program| program.rsplit('/').next() == Some(EXECUTABLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(spec: &Value, status: &Value) -> Pod {
        serde_json::from_value(json!({"spec": spec, "status": status})).expect("a pod")
    }

    #[test]
    fn a_container_with_a_reference_that_was_not_wrapped_is_named() {
        let with = |name: &str, value: &str, program: &str| json!({"name": name, "command": [program], "env": [{"name": "A", "value": value}]});
        let spec = json!({"containers": [
            with("bare", "db@azurekeyvault", "/app"),
            with("wrapped", "db@azurekeyvault", "/azure-keyvault/azure-keyvault-env"),
            with("plain", "db", "/app"),
        ]});
        assert_eq!(uninjected(&pod(&spec, &json!({}))), ["bare"]);
        assert!(uninjected(&pod(&spec, &json!({"phase": "Succeeded"}))).is_empty());
    }

    #[test]
    fn a_pod_says_why_it_is_not_ready() {
        let check = |state: Value, expected: Option<&str>| {
            let status = json!({"containerStatuses": [{
                "name": "c", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": state["now"],
                "lastState": state["before"],
            }]});
            assert_eq!(trouble(&pod(&json!({"containers": []}), &status)).as_deref(), expected, "{state}");
        };
        check(json!({"now": {"waiting": {"reason": "ImagePullBackOff", "message": "x"}}}), Some("ImagePullBackOff: x"));
        let crash = json!({
            "now": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "before": {"terminated": {"exitCode": 1, "message": "no config\n"}},
        });
        check(crash, Some("CrashLoopBackOff, it ended with 1: no config"));
        check(json!({"now": {"running": {}}}), None);
    }
}
