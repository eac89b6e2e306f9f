//! What `kubectl get` shows.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition;

fn column(name: &str, path: &str, type_: &str) -> CustomResourceColumnDefinition {
    CustomResourceColumnDefinition {
        name: name.to_owned(),
        json_path: path.to_owned(),
        type_: type_.to_owned(),
        ..CustomResourceColumnDefinition::default()
    }
}

fn age() -> CustomResourceColumnDefinition {
    column("Age", ".metadata.creationTimestamp", "date")
}

fn condition(name: &str, field: &str) -> CustomResourceColumnDefinition {
    column(name, &format!(r#".status.conditions[?(@.type=="Ready")].{field}"#), "string")
}

fn vault() -> Vec<CustomResourceColumnDefinition> {
    vec![column("Vault", ".spec.vault.name", "string"), column("Vault Object", ".spec.vault.object.name", "string")]
}

/// The original's columns of `v2alpha1`.
pub(super) fn secret_v2alpha1() -> Vec<CustomResourceColumnDefinition> {
    let mut columns = vault();
    columns.extend([
        column("Secret Name", ".status.secretName", "string"),
        column("ConfigMap Name", ".status.configMapName", "string"),
        column("Last Synched", ".status.lastAzureUpdate", "date"),
        age(),
    ]);
    columns
}

/// The original's columns, and what became of the resource behind them.
pub(super) fn secret_v2beta1() -> Vec<CustomResourceColumnDefinition> {
    let mut columns = secret_v2alpha1();
    columns.extend([condition("Ready", "status"), condition("Reason", "reason")]);
    columns
}

/// The original's columns of `v1` and `v1alpha1`, which differ in one name.
pub(super) fn secret_v1(secret: &str) -> Vec<CustomResourceColumnDefinition> {
    let mut columns = vault();
    columns.extend([
        column(secret, ".status.secretName", "string"),
        column("Synched", ".status.lastAzureUpdate", "date"),
        age(),
    ]);
    columns
}

/// The columns of `AzureKeyVaultPlugin`.
pub(super) fn plugin() -> Vec<CustomResourceColumnDefinition> {
    let wide = |mut column: CustomResourceColumnDefinition| {
        column.priority = Some(1);
        column
    };
    vec![
        column("Kind", ".status.kind", "string"),
        condition("Ready", "status"),
        condition("Reason", "reason"),
        column("WIT", ".status.witVersion", "string"),
        wide(column("Size", ".status.size", "integer")),
        wide(column("Digest", ".status.digest", "string")),
        age(),
    ]
}
