//! Labels, annotations and other names that users see.

/// The API group.
pub const GROUP: &str = "spv.no";
/// On a Secret or ConfigMap: `namespace/resource` that may take it over.
pub const ADOPT: &str = "spv.no/adopt";
/// The label of namespaces whose pods are injected.
pub const INJECTION_LABEL: &str = "azure-key-vault-env-injection";
/// The prefix of server-side apply field managers; the resource's name follows.
pub const FIELD_MANAGER_PREFIX: &str = "akv2k8s";
