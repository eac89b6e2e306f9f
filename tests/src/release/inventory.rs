//! Everything that is in the cluster, by kind and name.

use super::Release;
use crate::cluster::blocking;
use std::collections::BTreeSet;
use xtask::process;

/// What comes and goes by itself, what is no object, and what the API server makes of each definition.
const PASSING: [&str; 4] =
    ["events", "events.events.k8s.io", "componentstatuses", "apiservices.apiregistration.k8s.io"];
/// Where kubelets say that they live, the first time some seconds after their node is ready.
const NODES: &str = " kube-node-lease/";
/// `KIND NAMESPACE/NAME`, or `KIND NAME` of what is in no namespace.
const TEMPLATE: &str = r#"go-template={{range .items}}{{.kind}} {{with .metadata.namespace}}{{.}}/{{end}}{{.metadata.name}}{{"\n"}}{{end}}"#;

impl Release {
    /// A line for every object of every kind that the API server lists.
    pub async fn inventory(&self) -> BTreeSet<String> {
        let (mut kinds, mut objects) = (self.node.cluster().kubectl(), self.node.cluster().kubectl());
        kinds.args(["api-resources", "--verbs=list", "--output=name", "--cached=false"]);
        let said = blocking(move || {
            let kinds = process::read(&mut kinds)?;
            let kinds: Vec<&str> = kinds.lines().filter(|kind| !PASSING.contains(kind)).collect();
            process::read(objects.args(["get", &kinds.join(","), "--all-namespaces", "-o", TEMPLATE]))
        });
        said.await.lines().filter(|line| !line.contains(NODES)).map(str::to_owned).collect()
    }
}
