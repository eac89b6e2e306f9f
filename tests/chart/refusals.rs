//! What the charts do not take, and how they say it.

use super::helm::template;
use serde_json::{Value, json};

fn check(values: Value, expected: &str) {
    let said = template(&values).expect_err(&format!("{values} should be refused"));
    assert!(said.contains(expected), "{values}: {said}");
}

#[test]
fn what_is_no_value_is_refused_with_its_place() {
    check(json!({"controler": {}}), "controler");
    check(json!({"controller": {"replicas": 2}}), "replicas");
    check(json!({"controller": {"concurrency": 0}}), "concurrency");
    check(json!({"controller": {"concurrency": "many"}}), "concurrency");
    check(json!({"global": {"keyVaultAuth": "Environment"}}), "keyVaultAuth");
    check(json!({"env_injector": {"failurePolicy": "fail"}}), "failurePolicy");
    check(json!({"env_injector": {"startWindow": 5}}), "startWindow");
}

#[test]
fn what_cannot_be_together_is_refused_with_the_remedy() {
    check(
        json!({"allInOne": true, "controller": {"enabled": false}}),
        "allInOne: it needs controller.enabled and env_injector.enabled",
    );
    check(
        json!({"global": {"keyVaultAuth": "environment", "workloadIdentity": {"enabled": true}}}),
        "workload identity needs keyVaultAuth environment-azidentity; leave keyVaultAuth away",
    );
    check(json!({"plugins": {"x": {"binary": "AA=="}}}), "plugins.x.sha256 is needed with binary");
}

#[test]
fn values_for_all_charts_of_a_parent_are_taken() {
    assert!(template(&json!({"global": {"imageRegistry": "x"}})).is_ok());
}
