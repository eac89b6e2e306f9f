//! Pods that should have been injected.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::pod::uninjected;
use crate::cli::doctor::verdict::{Verdict, first_of};
use kube::ResourceExt;

const TOPIC: &str = "pods";

/// Does a pod of a labelled namespace run with a reference as it is?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    if facts.webhook().is_none() || facts.candidates.is_empty() {
        return Vec::new();
    }
    let unread = facts.candidates.iter().filter_map(|pods| pods.as_ref().err()).map(|unread| unread.verdict(TOPIC));
    // One namespace says it for all.
    let mut verdicts: Vec<Verdict> = unread.take(1).collect();
    let pods = facts.candidates.iter().flatten().flatten();
    let bare: Vec<(String, String)> = pods
        .filter(|pod| !uninjected(pod).is_empty())
        .map(|pod| (pod.namespace().unwrap_or_default(), pod.name_any()))
        .collect();
    if let Some((namespace, name)) = bare.first() {
        let names: Vec<String> = bare.iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
        let who = first_of(&names);
        let cause = match names.len() {
            1 => format!(
                "{who} holds @azurekeyvault in its environment and was not injected: its process sees the reference as text"
            ),
            _ => format!(
                "{who} hold @azurekeyvault in their environment and were not injected: their processes see the references as text"
            ),
        };
        let fix =
            "injection happens when a pod is made: mend what the other checks say, then let its owner make it anew";
        verdicts.push(Verdict::failure(TOPIC, cause, fix).run(format!("kubectl delete pod -n {namespace} {name}")));
    }
    if verdicts.is_empty() {
        verdicts.push(Verdict::ok(TOPIC, "no pod of a labelled namespace was left without its values"));
    }
    verdicts
}
