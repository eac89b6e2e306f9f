//! The CustomResourceDefinitions.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::verdict::Verdict;
use crate::controller::crd::lacks;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::runtime::wait::{Condition, conditions};

const TOPIC: &str = "definitions";
/// What puts them on the server.
const APPLY: &str = "akv2k8s crd apply";

/// Are they there, served, as new as this program, and is everything stored in their stored version?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    let definitions = match &facts.definitions {
        Ok(definitions) => definitions,
        Err(unread) => return vec![unread.verdict(TOPIC)],
    };
    let found: Vec<Verdict> = definitions.iter().filter_map(|(ours, theirs)| look(ours, theirs.as_ref())).collect();
    if !found.is_empty() {
        return found;
    }
    vec![Verdict::ok(TOPIC, format!("all {} are on the server and as new as this program", definitions.len()))]
}

fn look(ours: &CustomResourceDefinition, theirs: Option<&CustomResourceDefinition>) -> Option<Verdict> {
    let name = ours.name_any();
    let Some(theirs) = theirs else {
        let cause =
            format!("there is no CustomResourceDefinition {name}, so nothing of akv2k8s can be read or written");
        return Some(Verdict::failure(TOPIC, cause, "put it on the server").run(APPLY));
    };
    if let Some(path) = lacks(theirs, ours) {
        let cause = format!(
            "CustomResourceDefinition {name} is older than this program: it lacks {path}, which the server drops from what is applied; the controller is not ready until it is there"
        );
        return Some(Verdict::failure(TOPIC, cause, "upgrade it").run(APPLY));
    }
    let served = |of: &CustomResourceDefinition| -> Vec<String> {
        of.spec.versions.iter().filter(|version| version.served).map(|version| version.name.clone()).collect()
    };
    let there = served(theirs);
    let unserved: Vec<String> = served(ours).into_iter().filter(|version| !there.contains(version)).collect();
    if !unserved.is_empty() {
        let cause = format!("CustomResourceDefinition {name} does not serve {}", unserved.join(", "));
        return Some(Verdict::failure(TOPIC, cause, "upgrade it").run(APPLY));
    }
    if !conditions::is_crd_established().matches_object(Some(theirs)) {
        let cause = format!(
            "CustomResourceDefinition {name} is not established: its names are taken by another, or the server is busy"
        );
        let fix = "look at its conditions";
        return Some(Verdict::failure(TOPIC, cause, fix).run(format!("kubectl describe crd {name}")));
    }
    stored(ours, theirs, &name)
}

/// Versions that objects are still stored in although another one is the stored one now.
fn stored(ours: &CustomResourceDefinition, theirs: &CustomResourceDefinition, name: &str) -> Option<Verdict> {
    let now = ours.spec.versions.iter().find(|version| version.storage).map(|version| version.name.as_str())?;
    let known = theirs.status.as_ref().and_then(|status| status.stored_versions.as_ref());
    let old: Vec<String> = known.into_iter().flatten().filter(|version| *version != now).cloned().collect();
    if old.is_empty() {
        return None;
    }
    let cause =
        format!("{name}: the server may still hold objects as {} that were stored before {now} was", old.join(", "));
    let fix = format!(
        "write each object once, then take the old versions from status.storedVersions of the definition; nothing is wrong until a release stops serving {}",
        old.join(", ")
    );
    Some(Verdict::warning(TOPIC, cause, fix).run(format!("kubectl get {name} -A -o json | kubectl replace -f -")))
}
