//! The registration of the webhook at the API server.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::part::Part;
use crate::cli::doctor::verdict::Verdict;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;

const TOPIC: &str = "registration";

/// Does the API server ask the webhook, and about the right pods?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    let Some(part) = facts.webhook() else {
        return Vec::new();
    };
    if let Err(unread) = &facts.registrations {
        return vec![unread.verdict(TOPIC)];
    }
    let Some(found) = facts.registration() else {
        let name = part.setting("mutating-configuration").unwrap_or_else(|| "akv2k8s-envinjector".to_owned());
        let cause =
            format!("there is no MutatingWebhookConfiguration {name}, so no pod is injected: references stay text");
        return vec![Verdict::failure(TOPIC, cause, "let the chart make it again").run(part.upgrade())];
    };
    let mut verdicts: Vec<Verdict> =
        [bundle(found, part), service(found, part, facts)].into_iter().flatten().chain(first(found, part)).collect();
    if verdicts.is_empty() {
        verdicts.push(Verdict::ok(TOPIC, format!("{} leads to the webhook", found.name_any())));
    }
    verdicts
}

fn bundle(found: &MutatingWebhookConfiguration, part: &Part) -> Option<Verdict> {
    let empty =
        |webhook: &&MutatingWebhook| webhook.client_config.ca_bundle.as_ref().is_none_or(|bundle| bundle.0.is_empty());
    let webhook = found.webhooks.iter().flatten().find(empty)?;
    let cause =
        format!("{}: the caBundle of {} is empty, so the API server trusts no answer", found.name_any(), webhook.name);
    let fix = "the webhook writes it when it runs and may patch the configuration; its log says why it did not. With cert-manager, look at its cainjector";
    let command = format!("kubectl logs -n {} deployment/{} --tail=20", part.namespace(), part.name());
    Some(Verdict::failure(TOPIC, cause, fix).run(command))
}

/// Whether the Service is there that the registration leads to.
fn service(found: &MutatingWebhookConfiguration, part: &Part, facts: &Facts) -> Option<Verdict> {
    let to = found.webhooks.as_ref()?.first()?.client_config.service.as_ref()?;
    if to.namespace != facts.namespace {
        let cause = format!(
            "{} leads to Service {}/{}, which is not in the namespace of this release",
            found.name_any(),
            to.namespace,
            to.name
        );
        return Some(Verdict::failure(TOPIC, cause, "two releases use one name: give one of them a fullnameOverride"));
    }
    match &facts.service {
        Ok(Some(_)) => None,
        Ok(None) => {
            let cause =
                format!("{} leads to Service {}/{}, which does not exist", found.name_any(), to.namespace, to.name);
            Some(Verdict::failure(TOPIC, cause, "let the chart make it again").run(part.upgrade()))
        }
        Err(unread) => Some(unread.verdict(TOPIC)),
    }
}

/// What the first webhook says, which is the one for pods.
fn first(found: &MutatingWebhookConfiguration, part: &Part) -> Vec<Verdict> {
    let Some(webhook) = found.webhooks.as_ref().and_then(|all| all.first()) else {
        return vec![Verdict::failure(
            TOPIC,
            format!("{} holds no webhook", found.name_any()),
            "let the chart make it again",
        )];
    };
    [policy(webhook), conditions(webhook), selector(webhook, part)].into_iter().flatten().collect()
}

fn policy(webhook: &MutatingWebhook) -> Option<Verdict> {
    if webhook.failure_policy.as_deref() != Some("Ignore") {
        return None;
    }
    let cause = format!(
        "{}: failurePolicy is Ignore, so pods start with references as text while no webhook answers",
        webhook.name
    );
    Some(Verdict::warning(
        TOPIC,
        cause,
        "set env_injector.failurePolicy to Fail, which holds back pods with references only",
    ))
}

fn conditions(webhook: &MutatingWebhook) -> Option<Verdict> {
    if webhook.match_conditions.as_ref().is_some_and(|all| !all.is_empty()) {
        return None;
    }
    let cause =
        format!("{} has no matchConditions, so pods without any reference wait for the webhook too", webhook.name);
    Some(Verdict::warning(TOPIC, cause, "let the chart write the registration; it is not ours as it stands"))
}

fn selector(webhook: &MutatingWebhook, part: &Part) -> Option<Verdict> {
    let (label, value) = part.injection_label();
    let selector = webhook.namespace_selector.clone().unwrap_or_default();
    if !wants(&selector, &label, &value) {
        let cause = format!(
            "{}: its namespaceSelector does not ask for {label}={value}, which the webhook looks for",
            webhook.name
        );
        return Some(Verdict::failure(
            TOPIC,
            cause,
            "set env_injector.namespaceSelector.label in the values, not by hand",
        ));
    }
    let home = part.namespace();
    let everywhere = part.everywhere();
    let unguarded =
        ["kube-system", home.as_str()].into_iter().find(|name| everywhere && !leaves_out(&selector, name))?;
    let cause = format!(
        "{}: its namespaceSelector does not leave out {unguarded}, whose pods the webhook may need to start itself",
        webhook.name
    );
    Some(Verdict::warning(TOPIC, cause, "let the chart write the registration"))
}

fn wants(selector: &LabelSelector, label: &str, value: &str) -> bool {
    let by_label = selector.match_labels.as_ref().and_then(|labels| labels.get(label)).is_some_and(|v| v == value);
    let mut terms = selector.match_expressions.iter().flatten();
    by_label
        || terms.any(|term| {
            term.key == label && term.operator == "In" && term.values.iter().flatten().any(|known| known == value)
        })
}

fn leaves_out(selector: &LabelSelector, name: &str) -> bool {
    selector.match_expressions.iter().flatten().any(|term| {
        term.key == "kubernetes.io/metadata.name"
            && term.operator == "NotIn"
            && term.values.iter().flatten().any(|known| known == name)
    })
}
