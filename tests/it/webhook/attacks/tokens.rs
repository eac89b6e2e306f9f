//! Tokens: who gets a certificate.

use super::{DB, OBJECTS, Table, ask};
use akv_tests::Installation;
use akv_tests::webhook::client::signing_request;
use akv_tests::webhook::pod::with_reference;
use akv_tests::webhook::{Asker, TestPod};
use akv_wire::message::CERTIFICATE;
use akv_wire::name::audience;
use serde_json::{Value, json};

/// A spec that the webhook made, as somebody writes it by hand.
fn copied(pod: &TestPod, name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": pod.json()["spec"]})
}

#[tokio::test]
async fn a_certificate_is_given_to_that_container_alone() {
    let world = Installation::start("tokens", OBJECTS, &[]).await;
    world.resource(&world.shop, "db", "s", "").await;
    let service = world.replicas[0].mtls();
    let mut two = with_reference("web", "db@azurekeyvault");
    two["spec"]["containers"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"name": "side", "image": "x", "command": ["/x"]}));
    let pod = world.create(two).await;
    let asker = Asker::new(service, &pod.arguments("app").0.root);
    let token = pod.token("app").await;
    let mut table = Table::new(&world);
    let app = audience("app");

    let of_another = pod.token_of("default", &["vault"], true).await.expect("a token");
    table.refused("token of another audience", 401, "proves no container", ask(&asker, "app", &of_another).await).await;
    let default = pod.token_of("default", &[], true).await.expect("a token");
    table
        .refused("token of the API server's audience", 401, "proves no container", ask(&asker, "app", &default).await)
        .await;
    let unbound = pod.token_of("default", &[&app], false).await.expect("a token");
    table.refused("token that is bound to no pod", 401, "not bound to a pod", ask(&asker, "app", &unbound).await).await;
    world.shop.apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: other}\n").await.expect("it is legal");
    let other = pod.token_of("other", &[&app], true).await;
    assert!(other.is_err(), "the API server gives no token of another account for this pod");
    println!("{:<58}     given by no API server", "token of another account, bound to this pod");
    let other = pod.token_of("other", &[&app], false).await.expect("a token");
    table.refused("token of another account", 401, "not bound to a pod", ask(&asker, "app", &other).await).await;
    table
        .refused("token of app for the container side", 401, "proves no container", ask(&asker, "side", &token).await)
        .await;
    let side = pod.token("side").await;
    table.refused("container that was not injected", 403, "was not injected", ask(&asker, "side", &side).await).await;
    let copy = pod.token("copy-azurekeyvault-env").await;
    table
        .refused(
            "the init container that copies",
            403,
            "was not injected",
            ask(&asker, "copy-azurekeyvault-env", &copy).await,
        )
        .await;
    let forged = format!("{}.{}", token.rsplit_once('.').expect("a JWT").0, "AAAA");
    table.refused("token with another signature", 401, "proves no container", ask(&asker, "app", &forged).await).await;
    for (what, container, token) in [
        ("text that is no token", "app", "token"),
        ("empty token", "app", ""),
        ("token of 20 KiB", "app", &*format!("{}.a.b", "a".repeat(20_000))),
        ("container with a slash", "app/../x", &*token),
        ("container without a name", "", &*token),
    ] {
        table.refused(what, 400, "Malformed", ask(&asker, container, token).await).await;
    }
    let bad = json!({"container": "app", "token": token, "request": signing_request().1, "namespace": "kube-system"});
    table.refused("unknown field", 400, "Malformed", asker.post(CERTIFICATE, &bad).await).await;
    let not_a_request = asker.certificate("app", &token, "-----BEGIN JUNK-----").await;
    table.refused("signing request that is none", 400, "Malformed", not_a_request).await;

    let unlabelled = world.namespace("tokens-unlabelled", &[]).await;
    let elsewhere = world.create_in(&unlabelled, copied(&pod, "web", json!({}))).await;
    let of_elsewhere = elsewhere.token("app").await;
    table
        .refused("pod in an unlabelled namespace", 403, "injection is not on", ask(&asker, "app", &of_elsewhere).await)
        .await;
    let out = world.create(copied(&pod, "out", json!({"spv.no/inject": "disabled"}))).await;
    table.refused("pod that opted out", 403, "opted out", ask(&asker, "app", &out.token("app").await).await).await;

    let late = world.create(with_reference("late", "db@azurekeyvault")).await;
    let of_late = late.token("app").await;
    let certified = late.enrolled(service, "app").await;
    late.runs_since("app", 121).await;
    table.begin();
    let answer = ask(&asker, "app", &of_late).await;
    assert_eq!(answer.retry_after.as_deref(), Some("1"), "{answer:?}");
    table.refused("token after two minutes of running", 409, "is not starting", answer).await;
    table
        .refused("certificate after two minutes of running", 409, "is not starting", certified.resources(DB).await)
        .await;
    late.report("containerStatuses", &[("app", json!({"terminated": {"exitCode": 0}}))]).await;
    table.refused("container that ended", 409, "is not starting", certified.again().resources(DB).await).await;

    // A pod is gone, and another has its name. The API server may remember a token for ten seconds.
    let first = world.create(with_reference("again", "db@azurekeyvault")).await;
    let (of_first, certified) = (first.token("app").await, first.enrolled(service, "app").await);
    first.delete().await;
    table.begin();
    let answer = ask(&asker, "app", &of_first).await;
    let (status, said) = if answer.status == 403 { (403, "no such pod") } else { (401, "proves no container") };
    table.refused("token of a pod that was deleted", status, said, answer).await;
    table
        .refused("certificate of a pod that was deleted", 403, "no such pod", certified.again().resources(DB).await)
        .await;
    let second = world.create(with_reference("again", "db@azurekeyvault")).await;
    table.begin();
    let answer = ask(&asker, "app", &of_first).await;
    let (status, said) = if answer.status == 403 { (403, "another one") } else { (401, "proves no container") };
    table.refused("token of a pod whose name another has", status, said, answer).await;
    table
        .refused(
            "certificate of a pod whose name another has",
            403,
            "another one",
            certified.again().resources(DB).await,
        )
        .await;
    assert_eq!(second.enrolled(service, "app").await.resources(DB).await.status, 200, "the new one is served");
    println!("{} rows", table.rows);
    assert!(world.replicas[0].metric("akv2k8s_auth_refusals_total", &["reason=\"Forbidden\""]).await >= 6.0);
}
