//! The table of the original's values, row by row.

use super::helm::{at, chart, put, template, yaml};
use super::leaves::leaves;
use serde::Deserialize;
use serde_json::{Value, json};

/// A row of `files/original-values.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub value: String,
    pub verdict: Verdict,
    #[serde(default)]
    pub note: String,
    /// Texts that are refused, as a pattern.
    pub refuse: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Kept,
    Dropped,
}

/// Every row.
pub fn rows() -> Vec<Row> {
    let rows = yaml(&chart("akv2k8s").join("files/original-values.yaml"));
    serde_json::from_value(rows).expect("the table is one")
}

#[test]
fn each_value_of_the_original_is_taken() {
    let values = yaml(&chart("akv2k8s").join("values.yaml"));
    let leaves = leaves();
    let rows = rows();
    assert!(rows.len() > 100, "only {} rows", rows.len());
    for row in &rows {
        let (_, schema) =
            leaves.iter().find(|(path, _)| *path == row.value).unwrap_or_else(|| panic!("{} is no value", row.value));
        let default = at(&values, &row.value).expect("values.yaml has it").clone();
        let example = schema["examples"].get(0).cloned().unwrap_or(default);
        let mut given = schema.get("x-with").cloned().unwrap_or_else(|| json!({}));
        put(&mut given, &row.value, example);
        template(&given).unwrap_or_else(|error| panic!("{}: {error}", row.value));
        let effect = schema.get("examples").is_some();
        assert!(row.verdict == Verdict::Kept || !effect, "{} is dropped and has an effect", row.value);
        assert!(row.verdict == Verdict::Kept || !row.note.is_empty(), "{} is dropped without a reason", row.value);
    }
}

fn refused(value: &str, text: Value) {
    let row = rows().into_iter().find(|row| row.value == value).unwrap_or_else(|| panic!("{value} is in no row"));
    let mut given = json!({});
    put(&mut given, value, text);
    let said = template(&given).expect_err(&format!("{given} should be refused"));
    assert!(said.contains(&format!("{value}: {}", row.note)), "{said}");
}

#[test]
fn what_would_break_is_refused_in_the_words_of_the_table() {
    let cases = [
        ("addAzurePodIdentityException", json!(true)),
        ("controller.image.repository", json!("spvest/azure-keyvault-controller")),
        ("env_injector.image.repository", json!("mirror.example/azure-keyvault-webhook")),
        ("env_injector.envImage.repository", json!("spvest/azure-keyvault-env")),
        ("env_injector.certificate.custom.enabled", json!(true)),
    ];
    for (value, text) in cases.clone() {
        refused(value, text);
    }
    let with_pattern: Vec<String> = rows().into_iter().filter(|r| r.refuse.is_some()).map(|r| r.value).collect();
    assert_eq!(with_pattern.len(), cases.len(), "{with_pattern:?}");
}
