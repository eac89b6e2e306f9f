//! The init container that copies the executable, and the volumes.

use super::Settings;
use super::pod::is_guaranteed;
use akv_wire::name::{COPY_CONTAINER, EXECUTABLE_VOLUME, TOKEN_FILE, audience, files_volume, token_volume};
use serde_json::{Value, json};

/// A token lives at least so long; the API server takes nothing shorter. It is used in the first seconds, and an answer
/// depends on the container's age, not on the token's.
const TOKEN_SECONDS: u32 = 600;

/// The init container for this pod.
pub fn container(pod: &Value, settings: &Settings) -> Value {
    let mut security = settings.security.clone();
    // `runAsNonRoot` with the pod's own uid 0 would never start; the image's own user is not 0.
    if pod.pointer("/spec/securityContext/runAsUser") == Some(&json!(0)) && security.get("runAsUser").is_none() {
        security["runAsUser"] = json!(65532);
    }
    json!({
        "name": COPY_CONTAINER,
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "args": ["copy", settings.directory],
        "resources": resources(pod, settings),
        "securityContext": security,
        "volumeMounts": [{"name": EXECUTABLE_VOLUME, "mountPath": settings.directory}],
    })
}

/// A pod of the class `Guaranteed` keeps it: requests become the limits, and CPU has one.
fn resources(pod: &Value, settings: &Settings) -> Value {
    let mut resources = settings.resources.clone();
    if is_guaranteed(pod) {
        let mut limits = resources["requests"].clone();
        if let (Some(limits), Some(more)) = (limits.as_object_mut(), resources["limits"].as_object()) {
            limits.extend(more.clone());
        }
        for (resource, least) in [("cpu", "5m"), ("memory", "32Mi")] {
            if limits.get(resource).is_none() {
                limits[resource] = json!(least);
            }
        }
        resources = json!({"limits": limits.clone(), "requests": limits});
    }
    resources
}

/// The memory volume that holds the executable.
pub fn executable_volume(settings: &Settings) -> Value {
    json!({"name": EXECUTABLE_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": settings.executable_size}})
}

/// The volume of the token of one container.
pub fn token(container: &str) -> Value {
    json!({
        "name": token_volume(container),
        "projected": {"sources": [{"serviceAccountToken": {
            "audience": audience(container), "expirationSeconds": TOKEN_SECONDS, "path": TOKEN_FILE,
        }}]},
    })
}

/// The memory volume of the files of one container.
pub fn files(container: &str, settings: &Settings) -> Value {
    json!({"name": files_volume(container), "emptyDir": {"medium": "Memory", "sizeLimit": settings.files_size}})
}
