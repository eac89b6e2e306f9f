//! How long an admission takes at 500 requests a second: printed, since a busy machine proves nothing.

use akv_tests::Installation;
use akv_tests::webhook::Asker;
use akv_tests::webhook::pod::with_reference;
use serde_json::json;
use std::time::{Duration, Instant};

const RATE: u32 = 500;
const SECONDS: u32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admissions_at_500_a_second() {
    let world = Installation::start("load", "", &["--log-level=warn"]).await;
    let root = world.create(with_reference("root", "db@azurekeyvault")).await.arguments("app").0.root;
    let asker = Asker::new(world.replicas[0].tls(), &root);
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u1", "namespace": world.shop.name(), "operation": "CREATE", "object": with_reference("p", "db@azurekeyvault"),
    }});
    for _ in 0..50 {
        assert_eq!(asker.post("/pods", &review).await.status, 200);
    }
    let began = Instant::now();
    let mut asked = Vec::new();
    for n in 0..RATE * SECONDS {
        tokio::time::sleep_until((began + Duration::from_secs(1) * n / RATE).into()).await;
        let (asker, review) = (asker.clone(), review.clone());
        asked.push(tokio::spawn(async move {
            let start = Instant::now();
            let answer = asker.post("/pods", &review).await;
            (answer.status, start.elapsed())
        }));
    }
    let mut took = Vec::new();
    for one in asked {
        let (status, elapsed) = one.await.expect("an answer");
        if status == 200 {
            took.push(elapsed);
        }
    }
    let lost = (RATE * SECONDS) as usize - took.len();
    assert!(!took.is_empty(), "nothing was answered");
    took.sort();
    let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)];
    let rate = took.len() as f64 / began.elapsed().as_secs_f64();
    println!(
        "{} admissions at {rate:.0} a second, client and TLS included: p50 {:?}, p99 {:?}, {lost} without an answer",
        took.len(),
        at(50),
        at(99)
    );
    let count = world.replicas[0].metric("akv2k8s_admission_duration_seconds_count", &[]).await;
    let sum = world.replicas[0].metric("akv2k8s_admission_duration_seconds_sum", &[]).await;
    println!("in the handler: {:.2} ms on average", sum / count * 1000.0);
}
