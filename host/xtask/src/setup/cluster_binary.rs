//! The binary with every Kubernetes part, built by Go from `tests/cluster`.

use super::go_program::{Building, GoProgram};
use crate::Outcome;
use std::path::PathBuf;

/// From nothing it takes some 13 minutes of CPU. Helm's `kubeVersion` check refuses the default version.
const CLUSTER: GoProgram = GoProgram {
    name: "cluster",
    what: "Kubernetes control plane",
    takes: "10 minutes",
    module: "tests/cluster",
    sources: &["go.mod", "go.sum", "main.go"],
    package: ".",
    variables: &[
        "k8s.io/component-base/version.gitVersion=v1.34.4",
        "k8s.io/component-base/version.gitMajor=1",
        "k8s.io/component-base/version.gitMinor=34",
    ],
};

/// Begins to build the binary if it is not there.
pub fn begin() -> Building {
    CLUSTER.begin()
}

/// Builds the binary if it is not there, and says where it is.
pub fn ensure() -> Outcome<PathBuf> {
    CLUSTER.ensure()
}
