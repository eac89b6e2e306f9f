//! What Helm prints after an installation.

use super::helm::{chart, helm, manifests, value_sets};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// Helm prints notes only of an installation in a cluster, so they are rendered as a manifest, of a chart that is the same but
/// for that.
fn notes(values: &Value) -> String {
    static CHART: LazyLock<PathBuf> = LazyLock::new(|| {
        let dir = xtask::layout::target().join("helm/with-notes");
        let _was_there = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(dir.parent().expect("it is below the target")).expect("a folder");
        let copied = Command::new("cp").arg("-r").arg(chart("akv2k8s")).arg(&dir).status().expect("cp runs");
        assert!(copied.success(), "{copied}");
        std::fs::rename(dir.join("templates/NOTES.txt"), dir.join("notes.txt")).expect("there are notes");
        let manifest = r#"{{ dict "notes" (tpl (.Files.Get "notes.txt") .) | toYaml }}"#;
        std::fs::write(dir.join("templates/notes.yaml"), manifest).expect("the folder is ours");
        dir
    });
    let chart = CHART.to_str().expect("text");
    let only = ["--show-only", "templates/notes.yaml"];
    let args = ["template", "akv2k8s", chart, "--namespace", "home", "--values", "-"];
    let said = helm(&[&args, only.as_slice()].concat(), &values.to_string());
    let manifests = manifests(&said.unwrap_or_else(|error| panic!("{values}: {error}")));
    manifests[0]["notes"].as_str().expect("a text").to_owned()
}

#[test]
fn what_is_said_fits_a_terminal_and_names_the_release() {
    for (name, values) in value_sets() {
        let said = notes(&values);
        assert!(
            said.starts_with("akv2k8s ") && said.contains(" is installed in the namespace home."),
            "{name}: {said}"
        );
        for line in said.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn what_somebody_must_know_of_their_values_is_said_and_nothing_else() {
    let root = "runs as uid 0";
    let said = |values: &Value| notes(values).split_whitespace().collect::<Vec<_>>().join(" ");
    let check =
        |values: Value, expected: &str| assert!(said(&values).contains(expected), "{values}: {}", said(&values));
    check(json!({"global": {"keyVaultAuth": "azureCloudConfig"}}), root);
    check(
        json!({"global": {"rbac": {"podSecurityPolicies": {"enabled": true}}}}),
        "no pod security policies since 1.25",
    );
    check(json!({"crds": {"install": false}}), "yours to upgrade");
    check(json!({}), "kubectl label namespace NAME \\ azure-key-vault-env-injection=enabled");
    let label = json!({"name": "inject", "value": "yes"});
    check(
        json!({"env_injector": {"namespaceLabelSelector": {"label": label}}}),
        "kubectl label namespace NAME \\ inject=yes",
    );
    let own = said(&json!({"global": {"keyVaultAuth": "environment"}}));
    for other in [root, "security policies", "yours to upgrade"] {
        assert!(!own.contains(other), "{own}");
    }
}
