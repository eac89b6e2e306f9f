//! What the original akv2k8s left behind.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::part::of_the_original;
use crate::cli::doctor::verdict::{Verdict, first_of};
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::ResourceExt;

const TOPIC: &str = "original";
/// The name of its webhook, which ours has too.
const WEBHOOK: &str = "pods.env-injector.admission.spv.no";

/// Does it still run beside this one, or hold keys that nobody needs?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    match &facts.deployments {
        Ok(all) => verdicts.extend(all.iter().filter(|found| of_the_original(found)).map(|found| {
            let (namespace, name) = (found.namespace().unwrap_or_default(), found.name_any());
            let cause = format!("Deployment {namespace}/{name} of the original akv2k8s still runs: two controllers write the same Secrets, two webhooks change the same pods");
            let fix = "upgrade that release with the new chart, or uninstall it; the Secrets it made stay and are taken over";
            Verdict::failure(TOPIC, cause, fix).run(format!("helm list -n {namespace}"))
        })),
        Err(unread) => verdicts.push(unread.verdict(TOPIC)),
    }
    if let Ok(all) = &facts.registrations {
        verdicts.extend(all.iter().filter(|found| is_foreign(found, facts)).map(|found| {
            let name = found.name_any();
            let cause = format!("MutatingWebhookConfiguration {name} is the original's: it asks a webhook that may be gone, and pods wait for it");
            let fix = "delete it when the original is uninstalled";
            Verdict::failure(TOPIC, cause, fix).run(format!("kubectl delete mutatingwebhookconfiguration {name}"))
        }));
    }
    let secrets: Vec<String> =
        facts.of_pods.iter().flatten().flatten().filter(|name| !is_ours(facts, name)).cloned().collect();
    if let Some((namespace, name)) = secrets.first().and_then(|name| name.split_once('/')) {
        let cause = format!("{} look like client certificates that the original made for pods", first_of(&secrets));
        let fix = "delete them once no pod of the original runs; the new injection needs none";
        verdicts.push(Verdict::warning(TOPIC, cause, fix).run(format!("kubectl delete secret -n {namespace} {name}")));
    }
    if verdicts.is_empty() {
        verdicts.push(Verdict::ok(TOPIC, "nothing of the original akv2k8s is left"));
    }
    verdicts
}

/// Ours has match conditions; the original's has none and its name is its own release's.
fn is_foreign(found: &MutatingWebhookConfiguration, facts: &Facts) -> bool {
    let ours = facts.registration().map(ResourceExt::name_any);
    let webhook = found.webhooks.iter().flatten().find(|webhook| webhook.name == WEBHOOK);
    Some(found.name_any()) != ours
        && webhook.is_some_and(|webhook| webhook.match_conditions.as_ref().is_none_or(Vec::is_empty))
}

/// A target of one of our resources may have such a name too, and so may what the release itself holds.
fn is_ours(facts: &Facts, secret: &str) -> bool {
    let home = secret.split_once('/').is_some_and(|(namespace, _)| namespace == facts.namespace);
    home || facts.resources.iter().flatten().any(|seen| seen.secret.as_deref() == Some(secret))
}
