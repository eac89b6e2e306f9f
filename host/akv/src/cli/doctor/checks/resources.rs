//! Resources that are not ready for a reason of their own.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::resource::Seen;
use crate::cli::doctor::verdict::{Verdict, first_of};
use crate::cli::print::counted;
use akv_api::reason;
use std::collections::BTreeMap;

const TOPIC: &str = "resources";
/// Reasons that other checks speak of.
const ELSEWHERE: [&str; 6] = [
    reason::IDENTITY_FAILED,
    reason::VAULT_UNAUTHORIZED,
    reason::VAULT_FORBIDDEN,
    reason::VAULT_UNAVAILABLE,
    reason::VAULT_THROTTLED,
    reason::PLUGIN_NOT_FOUND,
];

/// Is every resource ready, or waiting for what another check names?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    let resources = match &facts.resources {
        Ok(resources) => resources,
        Err(unread) => return vec![unread.verdict(TOPIC)],
    };
    let mut by_reason = BTreeMap::<&str, Vec<&Seen>>::new();
    for seen in resources {
        if let Some(ready) = seen.trouble().filter(|ready| !ELSEWHERE.contains(&ready.reason.as_str())) {
            by_reason.entry(ready.reason.as_str()).or_default().push(seen);
        }
    }
    let mut verdicts: Vec<Verdict> = by_reason.iter().map(|(reason, found)| not_ready(reason, found)).collect();
    let waiting: Vec<String> =
        resources.iter().filter(|seen| seen.ready.is_none()).map(|seen| seen.name.clone()).collect();
    if !waiting.is_empty() {
        verdicts.push(Verdict::warning(
            TOPIC,
            format!("the controller has not looked at {}", first_of(&waiting)),
            "see whether it runs, watches that namespace (watchAllNamespaces) and wants those labels (controller.objectLabels)",
        ));
    }
    if verdicts.is_empty() {
        verdicts.push(Verdict::ok(TOPIC, format!("{} in the cluster", counted(resources.len(), "resource"))));
    }
    verdicts
}

fn not_ready(reason: &str, found: &[&Seen]) -> Verdict {
    let names: Vec<String> = found.iter().map(|seen| seen.name.clone()).collect();
    let first = found.first().and_then(|seen| seen.trouble()).map(|ready| ready.message.clone()).unwrap_or_default();
    let cause = format!("{reason}: {}: {first}", first_of(&names));
    let verdict = Verdict::warning(
        TOPIC,
        cause,
        "mend what the message names; examples/troubleshooting.md has a paragraph for each reason",
    );
    match names.first().and_then(|name| name.split_once('/')) {
        Some((namespace, name)) => verdict.run(format!("kubectl describe akvs -n {namespace} {name}")),
        None => verdict,
    }
}
