//! What an installation needs on a fresh control plane: CRDs, the accounts of the components, a readable token issuer.

use super::access::Access;
use super::roles::{Component, HOME, Reach};
use crate::failure::During;
use crate::{Outcome, layout, process};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Tokens of a test run or of a day's work.
const TOKEN_LIFE: &str = "24h";

/// Puts the CRDs and the accounts on the server, and writes a kubeconfig for each component.
pub fn provision(access: &Access) -> Outcome<()> {
    let mut objects =
        vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}}), issuer_discovery()];
    for component in Component::ALL {
        objects.extend(component.objects(HOME, Reach::Everywhere)?);
    }
    apply(&mut access.kubectl(), &access.dir, &objects)?;
    let crds = layout::root().join("charts/akv2k8s-crds/files");
    if !layout::files(&crds, "yaml").is_empty() {
        process::read(access.kubectl().args(["apply", "--server-side", "-f"]).arg(&crds))?;
        process::read(
            access.kubectl().args(["wait", "--for=condition=Established", "--timeout=60s", "-f"]).arg(&crds),
        )?;
    }
    for component in Component::ALL {
        write_kubeconfig(access, component, HOME, component.as_str())?;
    }
    Ok(())
}

/// Writes `NAME.kubeconfig` with a token of the component's account in `namespace`.
pub fn write_kubeconfig(access: &Access, component: Component, namespace: &str, name: &str) -> Outcome<()> {
    let account = component.account();
    let token =
        process::read(access.kubectl().args(["create", "token", &account, "-n", namespace, "--duration", TOKEN_LIFE]))?;
    access.write_kubeconfig(name, token.trim()).map(drop)
}

/// Applies `objects` by `kubectl`, by way of a file in `dir`.
pub fn apply(kubectl: &mut Command, dir: &Path, objects: &[Value]) -> Outcome<()> {
    let file = dir.join("provision.json");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    std::fs::write(&file, list.to_string()).during(file.display())?;
    process::read(kubectl.args(["apply", "--server-side", "-f"]).arg(&file)).map(drop)
}

/// Lets everybody read the issuer's keys, as managed clusters do: a token service checks workload tokens with them.
fn issuer_discovery() -> Value {
    let api = "rbac.authorization.k8s.io";
    json!({
        "apiVersion": format!("{api}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": "issuer-discovery"},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "system:service-account-issuer-discovery"},
        "subjects": [{"kind": "Group", "apiGroup": api, "name": "system:unauthenticated"}],
    })
}
