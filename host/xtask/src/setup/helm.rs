//! Helm, as `tests/helm` pins it.

use super::go_program::GoProgram;
use crate::Outcome;
use std::path::PathBuf;

/// Without a version of Kubernetes it would render for 1.20, which the charts refuse.
const HELM: GoProgram = GoProgram {
    name: "helm",
    what: "program helm",
    takes: "3 minutes",
    module: "tests/helm",
    sources: &["go.mod", "go.sum"],
    package: "helm.sh/helm/v3/cmd/helm",
    variables: &[
        "helm.sh/helm/v3/internal/version.version=v3.19.4",
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1",
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34",
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1",
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=34",
    ],
};

/// Builds Helm if it is not in the cache, and says where it is.
pub fn ensure() -> Outcome<PathBuf> {
    HELM.ensure()
}
