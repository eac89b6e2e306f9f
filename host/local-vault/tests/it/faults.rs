//! Faults, as a client sees them.

use crate::stage::Stage;
use local_vault::Fault;
use std::error::Error;
use std::time::{Duration, Instant};

const DB: &str = "  secrets: [{name: db, value: one}]\n";

fn fault(operation: &str) -> Fault {
    Fault { operation: operation.to_owned(), ..Fault::default() }
}

#[tokio::test]
async fn a_fault_for_all_is_not_used_up_by_the_challenge() {
    let stage = Stage::with(DB).await;
    let token = stage.token().await;
    stage.vault.add_fault(Fault { status: Some(503), count: Some(1), ..fault("*") });
    for _ in 0..3 {
        let challenged = stage.send(stage.http.get(stage.url("/secrets/db"))).await;
        assert_eq!(challenged.status, 401);
    }
    let statuses = [stage.get("/secrets/db", &token).await.status, stage.get("/secrets/db", &token).await.status];
    assert_eq!(statuses, [503, 200]);
    assert_eq!(stage.vault.counters().get("shop challenge"), Some(&3), "challenges are counted");
}

#[tokio::test]
async fn a_reset_is_a_reset_on_the_wire() {
    let stage = Stage::with(DB).await;
    let token = stage.token().await;
    stage.vault.add_fault(Fault { reset: true, ..fault("secrets.get") });
    let error = stage.http.get(stage.url("/secrets/db")).bearer_auth(token).send().await.expect_err("no answer");
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    let mut kinds = Vec::new();
    while let Some(error) = cause {
        kinds.extend(error.downcast_ref::<std::io::Error>().map(std::io::Error::kind));
        cause = error.source();
    }
    assert!(kinds.contains(&std::io::ErrorKind::ConnectionReset), "{kinds:?}: {error:?}");
}

#[tokio::test]
async fn a_fault_answers_as_it_says() {
    let stage = Stage::with(DB).await;
    let token = stage.token().await;
    let throttled = Fault { status: Some(429), retry_after: Some(7), ..fault("secrets.get") };
    let add = format!("{}/faults", stage.variable("reader", "LOCAL_VAULT_ADMIN"));
    let added = stage.http.post(&add).body(serde_json::to_string(&throttled).expect("JSON")).send().await;
    assert_eq!(added.expect("an answer").status(), 200);
    let reply = stage.get("/secrets/db", &token).await;
    assert_eq!((reply.status, reply.code().as_str(), reply.header("retry-after")), (429, "Throttled", "7"));
    stage.vault.clear_faults();

    stage.vault.add_fault(Fault { delay_ms: Some(300), ..fault("secrets.get") });
    let begun = Instant::now();
    assert_eq!(stage.get("/secrets/db", &token).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    stage.vault.clear_faults();

    stage.vault.add_fault(Fault { truncate: true, ..fault("secrets.get") });
    let cut = stage.http.get(stage.url("/secrets/db")).bearer_auth(&token).send().await.expect("headers");
    assert_eq!(cut.status(), 200);
    cut.bytes().await.expect_err("half a body");
    stage.vault.clear_faults();

    stage.vault.add_fault(Fault { status: Some(500), share: Some(0.25), ..fault("secrets.get") });
    let mut struck = 0;
    for _ in 0..40 {
        struck += u32::from(stage.get("/secrets/db", &token).await.status == 500);
    }
    assert_eq!(struck, 10);
}
