//! The labels of namespaces.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::verdict::{Verdict, first_of};
use akv_api::name::INJECTION_LABEL;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;

const TOPIC: &str = "namespaces";
/// Values by which people say no.
const NO: [&str; 2] = ["disabled", "false"];

/// Are the right namespaces labelled, with the right value?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    let Some(part) = facts.webhook() else {
        return Vec::new();
    };
    let namespaces = match &facts.namespaces {
        Ok(namespaces) => namespaces,
        Err(unread) => return vec![unread.verdict(TOPIC)],
    };
    let (label, value) = part.injection_label();
    let wrong = namespaces.iter().filter_map(|namespace| wrong(namespace, &label, &value));
    let mut verdicts: Vec<Verdict> = wrong.collect();
    let on: Vec<String> = namespaces
        .iter()
        .filter(|namespace| namespace.labels().get(&label) == Some(&value))
        .map(ResourceExt::name_any)
        .collect();
    let left_out = |name: &&String| *name == "kube-system" || (part.everywhere() && **name == facts.namespace);
    verdicts.extend(on.iter().filter(left_out).map(|name| in_vain(name, &label)));
    if verdicts.is_empty() {
        verdicts.push(match on.as_slice() {
            [] => Verdict::ok(TOPIC, format!("none is labelled {label}={value}, so no pod is injected")),
            some => Verdict::ok(TOPIC, format!("injection is on in {}", first_of(some))),
        });
    }
    verdicts
}

fn wrong(namespace: &Namespace, label: &str, value: &str) -> Option<Verdict> {
    let name = namespace.name_any();
    let set = namespace.labels();
    let near = |key: &&String| key.as_str() != label && key.to_lowercase().replace('_', "-").ends_with(INJECTION_LABEL);
    let (key, is) = match set.get(label) {
        Some(is) if is == value || NO.contains(&is.as_str()) => return None,
        Some(is) => (label.to_owned(), is),
        None if label == INJECTION_LABEL => set.keys().find(near).and_then(|key| Some((key.clone(), set.get(key)?)))?,
        None => return None,
    };
    let cause = format!(
        "namespace {name} is labelled {key}={is}; injection is on where {label}={value}, so its pods are not injected"
    );
    let command = format!("kubectl label namespace {name} {label}={value} --overwrite");
    Some(Verdict::warning(TOPIC, cause, "label it as the webhook expects").run(command))
}

fn in_vain(name: &str, label: &str) -> Verdict {
    let cause = format!(
        "namespace {name} is labelled for injection, and the webhook never looks at its pods: it may need them to start itself"
    );
    let command = format!("kubectl label namespace {name} {label}-");
    Verdict::warning(TOPIC, cause, "take the label away, and run what is to be injected elsewhere").run(command)
}
