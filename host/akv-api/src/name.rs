//! Labels, annotations and other names that users see.

/// The API group.
pub const GROUP: &str = "spv.no";
/// On a Secret or ConfigMap: `namespace/resource` that may take it over.
pub const ADOPT: &str = "spv.no/adopt";
/// The label of namespaces whose pods are injected.
pub const INJECTION_LABEL: &str = "azure-key-vault-env-injection";
/// The prefix of server-side apply field managers; the resource's name follows.
pub const FIELD_MANAGER_PREFIX: &str = "akv2k8s";
/// On a pod: the label `disabled` leaves it alone, the annotation `true` wraps containers with `envFrom` or `valueFrom`.
pub const INJECT: &str = "spv.no/inject";
/// On a pod: resources, by comma, whose objects may be missing.
pub const OPTIONAL: &str = "spv.no/optional";
/// On a pod, with a container's name after it: the command line of its image as a JSON list.
pub const COMMAND_PREFIX: &str = "spv.no/command.";
/// On a pod, with a container's name after it: `resource=/path` pairs, by comma.
pub const FILES_PREFIX: &str = "spv.no/files.";
/// On the Secret of the webhook's authority: when the first one was made, which is the beginning of the installation.
pub const SINCE: &str = "spv.no/since";
