//! The parts of a release: its Deployments that run our programs.

use super::setting::{Role, setting};
use akv_api::name::INJECTION_LABEL;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use kube::ResourceExt;

/// The label that Helm's charts put the release into.
const RELEASE: &str = "app.kubernetes.io/instance";

/// One Deployment of ours.
#[derive(Debug, Clone)]
pub struct Part {
    /// What it runs.
    pub role: Role,
    /// All of it.
    pub deployment: Deployment,
    container: Container,
}

impl Part {
    /// The part that a Deployment is, if it is one.
    pub fn of(deployment: &Deployment) -> Option<Self> {
        let container = pod(deployment)?.containers.iter().find(|c| ours(c))?.clone();
        Some(Self { role: Role::of(&container)?, deployment: deployment.clone(), container })
    }

    /// The release that it belongs to.
    pub fn release(&self) -> Option<&str> {
        self.deployment.labels().get(RELEASE).map(String::as_str)
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.deployment.name_any()
    }

    /// Where it is.
    pub fn namespace(&self) -> String {
        self.deployment.namespace().unwrap_or_default()
    }

    /// Its image.
    pub fn image(&self) -> &str {
        self.container.image.as_deref().unwrap_or_default()
    }

    /// Its service account.
    pub fn account(&self) -> String {
        let named = pod(&self.deployment).and_then(|spec| spec.service_account_name.clone());
        named.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned())
    }

    /// The value of a flag.
    pub fn setting(&self, flag: &str) -> Option<String> {
        setting(&self.container, self.role, flag)
    }

    /// The command by which Helm makes the objects of the release again.
    pub fn upgrade(&self) -> String {
        let release = self.release().unwrap_or("RELEASE");
        format!("helm upgrade {release} CHART -n {} --reset-then-reuse-values", self.namespace())
    }

    /// Whether it is, among others, the controller.
    pub fn controls(&self) -> bool {
        self.role != Role::Webhook
    }

    /// Whether it is, among others, the webhook.
    pub fn admits(&self) -> bool {
        self.role != Role::Controller
    }

    /// Whether it works in every namespace.
    pub fn everywhere(&self) -> bool {
        self.setting("watch-all-namespaces").as_deref() != Some("false")
    }

    /// The label of namespaces with injection.
    pub fn injection_label(&self) -> (String, String) {
        let text = self.setting("namespace-label").unwrap_or_default();
        let (name, value) = text.split_once('=').unwrap_or((INJECTION_LABEL, "enabled"));
        (name.to_owned(), value.to_owned())
    }
}

fn pod(deployment: &Deployment) -> Option<&PodSpec> {
    deployment.spec.as_ref()?.template.spec.as_ref()
}

/// A word such as `run` says little; our image, or a flag that nobody else has, says the rest.
fn ours(container: &Container) -> bool {
    let named = container.image.as_deref().is_some_and(|image| repository(image).contains("akv2k8s"));
    let mut words = container.args.iter().flatten();
    Role::of(container).is_some() && (named || words.any(|word| word.starts_with("--watch-all-namespaces")))
}

/// The image that the original's Deployments run.
pub fn of_the_original(deployment: &Deployment) -> bool {
    const IMAGES: [&str; 2] = ["azure-keyvault-controller", "azure-keyvault-webhook"];
    let containers = pod(deployment).map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let mut images = containers.iter().filter_map(|container| container.image.as_deref());
    images.any(|image| IMAGES.iter().any(|name| repository(image).ends_with(name)))
}

/// An image without its tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

/// The tag of an image; its digest where there is no tag.
pub fn tag(image: &str) -> &str {
    let rest = image.strip_prefix(repository(image)).unwrap_or_default();
    let rest = rest.trim_start_matches([':', '@']);
    if rest.is_empty() { "latest" } else { rest.split('@').next().unwrap_or(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_repository_and_a_tag() {
        let check = |image, name, of| assert_eq!((repository(image), tag(image)), (name, of), "{image}");
        check("akv2k8s/akv2k8s:0.1.0", "akv2k8s/akv2k8s", "0.1.0");
        check("host:5000/akv2k8s", "host:5000/akv2k8s", "latest");
        check("host:5000/akv2k8s:1@sha256:ab", "host:5000/akv2k8s", "1");
        check("akv2k8s@sha256:ab", "akv2k8s", "sha256:ab");
    }
}
