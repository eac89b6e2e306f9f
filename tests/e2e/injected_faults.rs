//! Faults as a pod sees them: what the container's last line says, and that it starts by itself once the fault is gone.

use akv_tests::Namespace;
use akv_tests::injection::{self, Injection};
use akv_tests::node::{Pod, image};
use local_vault::Fault;
use serde_json::json;
use std::time::Instant;

const VALUE: &str = "value-behind-faults";

async fn start(name: &str) -> (Injection, Namespace) {
    let vaults = format!("vaults:\n- name: shop-prod\n  secrets: [{{name: db, value: '{VALUE}'}}]\n");
    let injection = Injection::start(name, &vaults, &[]).await;
    let namespace = injection.namespace(name, &[]).await;
    let resources = ["db", "later"].map(|object| injection::resource(object, "secret", object, "")).concat();
    namespace.apply(&resources).await.unwrap_or_else(|failure| panic!("{failure}"));
    (injection, namespace)
}

async fn pod(injection: &Injection, namespace: &Namespace, name: &str, reference: &str) -> Pod {
    let pod = json!({
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Always", "terminationGracePeriodSeconds": 1, "containers": [{
            "name": "main", "image": image::PROBE, "imagePullPolicy": "Never",
            "command": ["/probe", "report", "then", "sleep"], "env": [{"name": "DB", "value": reference}],
        }]},
    });
    injection.create(namespace, pod).await
}

/// Waits until the application runs with its value, whatever was before.
async fn started(what: &str, pod: &Pod, began: Instant) {
    let report = pod.report_with("main", "DB", VALUE).await;
    assert_eq!(report["env"]["DB"], VALUE);
    println!("{what:<24} it started by itself {:.1} s after the fault was gone", began.elapsed().as_secs_f32());
    pod.delete().await;
}

async fn says(what: &str, pod: &Pod, words: &[&str]) {
    let message = pod.last_words("main").await;
    println!("{what:<24} {message}");
    assert!(words.iter().all(|word| message.contains(word)), "{what}: {message}");
    assert!(!message.contains('\n') && !message.contains(VALUE), "{what}: {message}");
}

#[tokio::test]
async fn an_object_that_is_not_there_is_named_and_its_pod_starts_when_it_is() {
    let (injection, namespace) = start("missing").await;
    let pod = pod(&injection, &namespace, "missing", "later@azurekeyvault").await;
    says("object not found", &pod, &["later", "ObjectNotFound"]).await;
    injection.vault.set_secret("shop-prod", "later", VALUE);
    started("object not found", &pod, Instant::now()).await;
}

#[tokio::test]
async fn a_resource_that_is_not_there_is_named_and_its_pod_starts_when_it_is() {
    let (injection, namespace) = start("unknown").await;
    let pod = pod(&injection, &namespace, "unknown", "new@azurekeyvault").await;
    says("resource not found", &pod, &["new", "ResourceNotFound"]).await;
    let applied = namespace.apply(&injection::resource("new", "secret", "db", "")).await;
    applied.unwrap_or_else(|failure| panic!("{failure}"));
    started("resource not found", &pod, Instant::now()).await;
}

#[tokio::test]
async fn a_refusal_of_the_vault_is_told_and_its_pod_starts_when_it_ends() {
    let (injection, namespace) = start("forbidden").await;
    let fault = Fault {
        operation: "secrets.get".to_owned(),
        status: Some(403),
        code: Some("Forbidden".to_owned()),
        inner: Some("ForbiddenByRbac".to_owned()),
        ..Fault::default()
    };
    injection.vault.add_fault(fault);
    let pod = pod(&injection, &namespace, "forbidden", "db@azurekeyvault").await;
    says("forbidden", &pod, &["db", "Forbidden"]).await;
    injection.vault.clear_faults();
    started("forbidden", &pod, Instant::now()).await;
}

#[tokio::test]
async fn a_throttled_read_is_tried_again_without_a_restart() {
    let (injection, namespace) = start("throttled").await;
    let fault = Fault {
        operation: "secrets.get".to_owned(),
        status: Some(429),
        retry_after: Some(2),
        count: Some(3),
        ..Fault::default()
    };
    injection.vault.add_fault(fault);
    let pod = pod(&injection, &namespace, "throttled", "db@azurekeyvault").await;
    started("throttled", &pod, Instant::now()).await;
    let restarts = pod.status("main").await.map(|status| status.restart_count);
    assert_eq!(restarts, Some(0), "a throttle is waited for");
}

#[tokio::test]
async fn an_auth_service_that_is_away_is_told_and_its_pods_start_when_it_is_back() {
    let (mut injection, namespace) = start("away").await;
    // Admitted before, and started while nobody answers.
    let pod = pod(&injection, &namespace, "away", "db@azurekeyvault").await;
    let report = pod.report("main").await;
    assert_eq!(report["env"]["DB"], VALUE);
    injection.webhook.stop();
    let asked = pod.exec("main", &["/probe", "end", "1"]).await;
    assert!(matches!(asked.code, 0 | 137), "{asked:?}");
    pod.until("to end for want of the service", |pod| {
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
        statuses.into_iter().flatten().any(|status| status.restart_count >= 2)
    })
    .await;
    says("auth service away", &pod, &["auth service", "could not be reached"]).await;
    injection.webhook.start_again().await;
    started("auth service away", &pod, Instant::now()).await;
}
