//! Labels and annotations on their way from a resource to its targets.

use crate::Metadata;
use std::collections::BTreeMap;

/// Marks by which a tool knows what it deployed. On a copy they would make it adopt, report or prune the target.
const TRACKING: [&str; 8] = [
    "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "objectset.rio.cattle.io/",
    "fleet.cattle.io/",
    "meta.helm.sh/",
    "config.k8s.io/",
    "kapp.k14s.io/",
];
/// Written by `kubectl apply`; it holds the whole resource.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Ours speak to the object that they stand on.
const OURS: &str = "spv.no/";

/// Labels and annotations of the resource as the original copies them, without tracking marks, with those of
/// `output.*.metadata` on top.
pub fn copied(
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
    extra: &Metadata,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let join = |from: &BTreeMap<String, String>, over: &BTreeMap<String, String>| {
        let kept = from.iter().filter(|(key, _)| is_copied(key));
        kept.chain(over).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    (join(labels, &extra.labels), join(annotations, &extra.annotations))
}

fn is_copied(key: &str) -> bool {
    key != LAST_APPLIED && !key.starts_with(OURS) && !TRACKING.iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn everything_is_copied_but_marks_of_tools_and_our_own() {
        let labels =
            map(&[("app", "shop"), ("app.kubernetes.io/instance", "shop"), ("argocd.argoproj.io/instance", "x")]);
        let annotations = map(&[
            (LAST_APPLIED, "{}"),
            ("spv.no/refresh", "now"),
            ("meta.helm.sh/release-name", "x"),
            ("note", "kept"),
        ]);
        let extra = Metadata { labels: map(&[("app", "web")]), annotations: map(&[("spv.no/own", "explicit")]) };
        let (labels, annotations) = copied(&labels, &annotations, &extra);
        assert_eq!(labels, map(&[("app", "web"), ("app.kubernetes.io/instance", "shop")]));
        assert_eq!(annotations, map(&[("note", "kept"), ("spv.no/own", "explicit")]));
    }
}
