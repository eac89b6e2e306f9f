//! The command line of an image that the pod does not state: asked of its registry, with the pod's own pull secrets.

use super::state::State;
use akv_core::inject::{ImageCommand, Wrap};
use akv_registry::{Image, Kind, Platform, PullPolicy, PullSecret, Refusal};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::Api;
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::time::Instant;

/// Asks the image's registry.
///
/// # Errors
/// A sentence that says how to do without.
pub async fn command(state: &State, namespace: &str, pod: &Value, wrap: &Wrap) -> Result<ImageCommand, String> {
    let named = format!("spec.{}[{}].image", wrap.list, wrap.name);
    let image =
        Image::parse(&wrap.image).map_err(|error| format!("{named}: {}", Refusal::of_name(&wrap.image, error)))?;
    let secrets = pull_secrets(state, namespace, pod).await.map_err(|error| format!("{named}: {error}"))?;
    let policy = match wrap.pull_policy.as_deref() {
        Some("Always") => PullPolicy::Always,
        Some("Never") => PullPolicy::Never,
        _ => PullPolicy::IfNotPresent,
    };
    let deadline = Instant::now() + state.registries.patience;
    let found = state.registries.client.command(&image, &platform(pod), &secrets, policy, deadline).await;
    // The look-up knows no pod; the advice is for this container.
    let advised = |refusal: Refusal| refusal.to_string().replace("<container>", &wrap.name);
    let found =
        found.map_err(|refusal| format!("{named}: {}: {}", refusal.reason().as_str(), advised(refusal.clone())))?;
    if found.entrypoint.is_empty() && found.cmd.is_empty() && pod["spec"][wrap.list][wrap.index]["args"].is_null() {
        return Err(format!("{named}: neither the image nor the container says what to run; set `command`"));
    }
    Ok(ImageCommand { entrypoint: found.entrypoint, cmd: found.cmd })
}

/// Where the pod says that it runs, else where we run: the images of an index differ in more than code only by accident.
fn platform(pod: &Value) -> Platform {
    let ours = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    Platform::new(pod["spec"]["nodeSelector"]["kubernetes.io/arch"].as_str().unwrap_or(ours))
}

/// The pull secrets of the pod, and of its service account. One that is missing or wrong is passed over, as the kubelet
/// does; the registry's refusal is what people understand.
async fn pull_secrets(state: &State, namespace: &str, pod: &Value) -> kube::Result<Vec<PullSecret>> {
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|reference| reference["name"].as_str()).map(str::to_owned).collect()
    };
    let mut wanted: Vec<String> = names(&pod["spec"]["imagePullSecrets"]);
    let account = pod["spec"]["serviceAccountName"].as_str().filter(|name| !name.is_empty()).unwrap_or("default");
    if let Some(account) = Api::<ServiceAccount>::namespaced(state.client.clone(), namespace).get_opt(account).await? {
        wanted.extend(account.image_pull_secrets.unwrap_or_default().into_iter().map(|reference| reference.name));
    }
    let (mut seen, mut secrets) = (BTreeSet::new(), Vec::new());
    for name in wanted {
        if seen.insert(name.clone())
            && let Some(secret) = Api::<Secret>::namespaced(state.client.clone(), namespace).get_opt(&name).await?
        {
            let parsed = parse(&secret);
            match parsed {
                Some(Ok(parsed)) => secrets.push(parsed),
                Some(Err(error)) => tracing::info!(namespace, name, %error, "a pull secret cannot be used"),
                None => tracing::info!(namespace, name, "a pull secret is of another type"),
            }
        }
    }
    Ok(secrets)
}

fn parse(secret: &Secret) -> Option<Result<PullSecret, akv_registry::PullSecretError>> {
    let (kind, key) = match secret.type_.as_deref()? {
        "kubernetes.io/dockerconfigjson" => (Kind::DockerConfigJson, ".dockerconfigjson"),
        "kubernetes.io/dockercfg" => (Kind::DockerCfg, ".dockercfg"),
        _ => return None,
    };
    let bytes = &secret.data.as_ref()?.get(key)?.0;
    Some(PullSecret::parse(kind, bytes))
}
