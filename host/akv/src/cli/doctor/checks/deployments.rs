//! The Deployments of the release.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::part::Part;
use crate::cli::doctor::pod;
use crate::cli::doctor::verdict::Verdict;

const TOPIC: &str = "deployments";

/// Are there any, and are they available?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    match &facts.parts {
        Ok(parts) if parts.is_empty() => vec![absent(facts)],
        Ok(parts) => parts.iter().map(|part| look(facts, part)).collect(),
        Err(unread) => vec![unread.verdict(TOPIC)],
    }
}

fn absent(facts: &Facts) -> Verdict {
    let here = &facts.namespace;
    let cause = format!("no Deployment of akv2k8s was found in namespace {here}");
    let elsewhere = facts.deployments.iter().flatten().filter_map(Part::of).find(|part| part.namespace() != *here);
    match elsewhere {
        Some(part) => Verdict::failure(
            TOPIC,
            format!("{cause}; {} is in {}", part.name(), part.namespace()),
            "name its namespace, and its release where there are several",
        )
        .run(format!("akv2k8s doctor --namespace {}", part.namespace())),
        None => Verdict::failure(
            TOPIC,
            cause,
            "install the chart, or name the namespace by --namespace and the release by --release",
        )
        .run(format!("helm install akv2k8s CHART -n {here} --create-namespace")),
    }
}

fn look(facts: &Facts, part: &Part) -> Verdict {
    let name = part.name();
    let wanted = part.deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = part.deployment.status.as_ref();
    let available = status.and_then(|status| status.available_replicas).unwrap_or(0);
    if wanted == 0 {
        let cause = format!("{name} is scaled to 0, so nobody does its work");
        return Verdict::failure(TOPIC, cause, "scale it up")
            .run(format!("kubectl scale deployment -n {} {name} --replicas=1", part.namespace()));
    }
    if available >= wanted {
        return Verdict::ok(TOPIC, format!("{name}: {available} of {wanted} available, {}", part.image()));
    }
    let mut cause = format!("{name}: {available} of {wanted} pods are available");
    let mut bad = facts.pods.iter().flatten().filter(|found| pod::of(part, found) && !pod::ready(found));
    if let Some((found, why)) = bad.find_map(|found| Some((found, pod::trouble(found)?))) {
        cause += &format!("; {} says: {why}", found.metadata.name.as_deref().unwrap_or_default());
    } else if let Some(why) = stuck(part) {
        cause += &format!("; {why}");
    }
    let command = format!("kubectl logs -n {} deployment/{name} --tail=20", part.namespace());
    let fix = "mend what its log and events say; /readyz of a pod lists what it waits for";
    if available == 0 { Verdict::failure(TOPIC, cause, fix) } else { Verdict::warning(TOPIC, cause, fix) }.run(command)
}

/// Why no pod was made, which the Deployment says itself.
fn stuck(part: &Part) -> Option<String> {
    let conditions = part.deployment.status.as_ref()?.conditions.as_ref()?;
    let failed = conditions.iter().find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True");
    failed?.message.clone()
}
