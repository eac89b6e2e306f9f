use super::*;
use crate::inject::{Knowledge, Service, plan};
use serde_json::json;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;
const WINDOW: i64 = 120;

fn settings() -> Settings {
    Settings::new("env:1", Some(Service { url: "https://injector".to_owned(), root: vec![1] }))
}

fn pod(status: Value) -> Value {
    let before = json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1"},
        "spec": {"containers": [
            {"name": "app", "command": ["/app"], "env": [{"name": "A", "value": "db@azurekeyvault?user"}, {"name": "B", "value": "x${tls@azurekeyvault}"}]},
            {"name": "side", "command": ["/side"]},
        ]},
    });
    let mut after = plan(&before, &settings()).expect("a plan").apply(&before, &Knowledge::default(), &settings());
    after["status"] =
        json!({"phase": "Running", "containerStatuses": [{"name": "app", "restartCount": 3, "state": status}]});
    after
}

fn identity(container: &str) -> PodIdentity {
    PodIdentity { namespace: "shop".into(), pod: "web".into(), uid: "u1".into(), container: container.into() }
}

fn ask(pod: &Value, container: &str, now: i64) -> Result<Verdict, NotNow> {
    may_ask(Some(pod), true, &identity(container), &settings(), now, WINDOW)
}

#[test]
fn a_starting_container_may_ask_for_what_its_variables_name() {
    let verdict = ask(&pod(json!({"waiting": {"reason": "PodInitializing"}})), "app", START).expect("yes");
    assert!(
        may_use(&verdict, "db", Some("user")) && may_use(&verdict, "tls", None) && may_use(&verdict, "tls", Some(""))
    );
    assert!(!may_use(&verdict, "db", None) && !may_use(&verdict, "other", None) && !verdict.indirect);
}

#[test]
fn the_window_is_open_while_waiting_and_for_two_minutes_of_running() {
    let running = pod(json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}));
    assert!(ask(&running, "app", START + WINDOW - 1).is_ok());
    assert!(matches!(ask(&running, "app", START + WINDOW), Err(NotNow::Window(..))));
    assert!(ask(&pod(json!({})), "app", START).is_ok());
    assert!(matches!(ask(&pod(json!({"terminated": {"exitCode": 1}})), "app", START), Err(NotNow::Window(..))));
    let mut silent = pod(json!({}));
    silent["status"] = json!({"phase": "Pending"});
    assert!(ask(&silent, "app", START).is_ok());
    silent["status"] = json!({"phase": "Running"});
    assert!(ask(&silent, "app", START).is_err());
}

#[test]
fn two_starts_of_a_container_are_told_apart() {
    let first = ask(&pod(json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}})), "app", START).expect("yes");
    let second = ask(&pod(json!({"running": {"startedAt": "2026-01-01T00:00:05Z"}})), "app", START + 6).expect("yes");
    assert_ne!(first.start, second.start);
}

#[test]
fn everybody_else_is_refused_for_good() {
    let waiting = json!({"waiting": {}});
    let never = |result: Result<Verdict, NotNow>, expected: &str| match result {
        Err(NotNow::Never(why)) => assert!(why.contains(expected), "{why}"),
        other => panic!("{expected}: {other:?}"),
    };
    never(may_ask(None, true, &identity("app"), &settings(), START, WINDOW), "no such pod");
    never(may_ask(Some(&pod(waiting.clone())), false, &identity("app"), &settings(), START, WINDOW), "not on");
    never(ask(&pod(waiting.clone()), "side", START), "was not injected");
    never(ask(&pod(waiting.clone()), "copy-azurekeyvault-env", START), "was not injected");
    never(ask(&pod(waiting.clone()), "gone", START), "was not injected");
    let mut other = pod(waiting.clone());
    other["metadata"]["uid"] = json!("u2");
    never(ask(&other, "app", START), "another one");
    let mut opted_out = pod(waiting.clone());
    opted_out["metadata"]["labels"] = json!({"spv.no/inject": "disabled"});
    never(ask(&opted_out, "app", START), "opted out");
    // The settings of another container in one that somebody wrote by hand.
    let mut forged = pod(waiting);
    forged["spec"]["containers"][1]["command"] = json!(["/azure-keyvault/azure-keyvault-env"]);
    forged["spec"]["containers"][1]["args"] = json!(["run", "--container=app", "--", "/side"]);
    never(ask(&forged, "side", START), "was not injected");
}

#[test]
fn the_annotation_widens_what_may_be_asked_for() {
    let mut indirect = pod(json!({"waiting": {}}));
    indirect["metadata"]["annotations"] = json!({"spv.no/inject": "true"});
    assert!(may_use(&ask(&indirect, "app", START).expect("yes"), "other", Some("x")));
}
