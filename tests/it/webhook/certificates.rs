//! The certificates of admission: kept current without anybody's help, by any number of replicas.

use akv_api::name::SINCE;
use akv_tests::webhook::Asker;
use akv_tests::webhook::pod::{typed, with_reference};
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Installation, wait_for};
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// As the harness's replicas have it.
const SECRET: &str = "akv2k8s-envinjector-authority";

async fn two(name: &str, args: &[&str]) -> Installation {
    let cluster = Cluster::shared().await;
    let mut world = Installation::prepare(cluster, name, "", &[&["webhook"], args].concat()).await;
    world.add_replica().await;
    world.add_replica().await;
    world.register().await;
    world
}

async fn stored(world: &Installation, key: &str) -> String {
    let api = Api::<Secret>::namespaced(world.client(), world.home.name());
    let data = api.get(SECRET).await.expect("the authority's Secret").data.unwrap_or_default();
    String::from_utf8_lossy(&data.get(key).unwrap_or_else(|| panic!("{key} is missing")).0).into_owned()
}

async fn bundles(world: &Installation) -> Vec<Option<String>> {
    let api = Api::<MutatingWebhookConfiguration>::all(world.client());
    let found = api.get(world.configuration()).await.expect("the registration");
    let bundle = |w: k8s_openapi::api::admissionregistration::v1::MutatingWebhook| w.client_config.ca_bundle;
    let bundles = found.webhooks.unwrap_or_default().into_iter().map(bundle);
    bundles.map(|bundle| bundle.map(|b| String::from_utf8_lossy(&b.0).into_owned())).collect()
}

fn der(pem: &str) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM").to_vec()
}

#[tokio::test]
async fn the_ca_bundle_is_put_in_and_put_in_again() {
    let world = Installation::start("bundle", "", &[]).await;
    let root = stored(&world, "root.crt").await;
    assert_eq!(bundles(&world).await, [Some(root.clone()), Some(root.clone())]);
    let api = Api::<MutatingWebhookConfiguration>::all(world.client());
    for (what, patch) in [
        ("removed", json!([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}])),
        ("another", json!([{"op": "replace", "path": "/webhooks/1/clientConfig/caBundle", "value": "bm9uZQ=="}])),
    ] {
        let patch: json_patch::Patch = serde_json::from_value(patch).expect("a patch");
        let patched = api.patch(world.configuration(), &PatchParams::default(), &Patch::<()>::Json(patch)).await;
        // The API server checks that a bundle is PEM; then there is nothing to mend.
        let accepted = patched.is_ok();
        wait_for("the bundle to be back", PATIENCE, || async {
            (bundles(&world).await == [Some(root.clone()), Some(root.clone())]).then_some(())
        })
        .await;
        println!("{what}: accepted by the API server: {accepted}, there again");
    }
    world.until_called().await;
}

#[tokio::test]
async fn two_replicas_agree_on_one_root_and_one_secret() {
    let world = two("agree", &[]).await;
    let root = stored(&world, "root.crt").await;
    for replica in &world.replicas {
        // Both ports of both show chains that lead to it.
        for port in [replica.tls(), replica.mtls()] {
            let answer = Asker::new(port, &der(&root)).get("/healthz").await;
            assert!(answer.status == 200 || answer.status == 404, "{answer:?}");
        }
    }
    // The API server keeps its connection to one of them, so each is asked here.
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u1", "namespace": world.shop.name(), "operation": "CREATE", "object": with_reference("p", "db@azurekeyvault"),
    }});
    let mut patches = BTreeSet::new();
    for replica in &world.replicas {
        let answer = Asker::new(replica.tls(), &der(&root)).post("/pods", &review).await;
        patches.insert(answer.body["response"]["patch"].as_str().expect("a patch").to_owned());
    }
    assert_eq!(patches.len(), 1, "both make the same of a pod");
    let pod = world.create(with_reference("p", "db@azurekeyvault")).await;
    assert_eq!(pod.arguments("app").0.root, der(&root));
}

#[tokio::test]
async fn a_secret_that_is_deleted_is_put_back_with_the_root_that_pods_trust() {
    let mut world = two("restored", &[]).await;
    let root = stored(&world, "root.crt").await;
    let api = Api::<Secret>::namespaced(world.client(), world.home.name());
    let deleted = api.get(SECRET).await.expect("the authority's Secret").metadata;
    api.delete(SECRET, &DeleteParams::default()).await.expect("an administrator may");
    let another = wait_for("another Secret", PATIENCE, || async {
        let found = api.get_opt(SECRET).await.expect("an administrator may read it");
        found.filter(|found| found.metadata.uid != deleted.uid)
    })
    .await;
    let since = deleted.creation_timestamp.map(|time| time.0.to_string());
    assert_eq!(another.annotations().get(SINCE), since.as_ref(), "the installation began when it did");
    assert_eq!(stored(&world, "root.crt").await, root);
    // What it holds is whole: a process that begins with it serves pods under the same root.
    world.add_replica().await;
    let answer = Asker::new(world.replicas[2].mtls(), &der(&root)).get("/healthz").await;
    assert!(answer.status == 200 || answer.status == 404, "{answer:?}");
}

/// What came of pods that were created while something happened.
#[derive(Default)]
struct Load {
    admitted: AtomicUsize,
    failures: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Load {
    async fn one(&self, world: &Installation, n: usize) {
        let pods = world.pods(world.shop.name());
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let mut round = 0;
        while !self.stop.load(Ordering::Relaxed) {
            round += 1;
            let pod = typed(with_reference(&format!("load-{n}-{round}"), "db@azurekeyvault"));
            match pods.create(&dry, &pod).await {
                Ok(made) if made.spec.as_ref().is_some_and(|s| s.init_containers.is_some()) => {
                    self.admitted.fetch_add(1, Ordering::Relaxed);
                }
                Ok(_) => self.failures.lock().expect("whole").push("admitted unchanged".to_owned()),
                Err(error) => self.failures.lock().expect("whole").push(error.to_string()),
            }
        }
    }

    async fn while_<T>(&self, world: &Installation, work: impl Future<Output = T>) -> T {
        let work = async {
            let done = work.await;
            self.stop.store(true, Ordering::Relaxed);
            done
        };
        let (.., done) = tokio::join!(self.one(world, 0), self.one(world, 1), self.one(world, 2), work);
        done
    }

    fn failures(&self) -> Vec<String> {
        self.failures.lock().expect("whole").clone()
    }
}

#[tokio::test]
async fn keys_rotate_under_load_without_one_failure() {
    let world = two("rotation", &["--intermediate-seconds=10"]).await;
    let root = der(&stored(&world, "root.crt").await);
    let load = Load::default();
    let handshakes = AtomicUsize::new(0);
    let seen = load
        .while_(&world, async {
            let mut seen = BTreeSet::new();
            while seen.len() < 4 {
                seen.insert(stored(&world, "intermediate-0.crt").await);
                // The API server keeps its connections; others open new ones.
                for replica in &world.replicas {
                    for port in [replica.tls(), replica.mtls()] {
                        let answer = Asker::new(port, &root).get("/healthz").await;
                        assert_ne!(answer.status, 0, "{answer:?}");
                        handshakes.fetch_add(1, Ordering::Relaxed);
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            seen.len()
        })
        .await;
    println!(
        "{} admissions and {} handshakes over {} intermediates; failures: {:?}",
        load.admitted.load(Ordering::Relaxed),
        handshakes.load(Ordering::Relaxed),
        seen,
        load.failures()
    );
    assert!(load.failures().is_empty(), "{:?}", load.failures());
    assert!(load.admitted.load(Ordering::Relaxed) > 20);
    assert_eq!(der(&stored(&world, "root.crt").await), root);
}

#[tokio::test]
async fn one_of_two_replicas_may_end_or_be_killed() {
    let mut world = two("killed", &[]).await;
    let ended = world.replicas[0].stop();
    assert!(ended, "a replica that is asked to end does so");
    world.until_called().await;
    world.add_replica().await;
    world.replicas[1].kill();
    world.until_called().await;
    let load = Load::default();
    load.while_(&world, async {
        wait_for("fifty more admissions", PATIENCE, || async {
            (load.admitted.load(Ordering::Relaxed) >= 50).then_some(())
        })
        .await;
    })
    .await;
    assert!(load.failures().is_empty(), "{:?}", load.failures());
    println!(
        "after one replica ended and one was killed: {} admissions, no failure",
        load.admitted.load(Ordering::Relaxed)
    );
}

#[tokio::test]
async fn a_review_of_v1beta1_is_answered_in_v1beta1() {
    let world = Installation::start("beta", "", &[]).await;
    let api = Api::<MutatingWebhookConfiguration>::all(world.client());
    let patch = json!([{"op": "replace", "path": "/webhooks/0/admissionReviewVersions", "value": ["v1beta1"]}]);
    let patch: json_patch::Patch = serde_json::from_value(patch).expect("a patch");
    api.patch(world.configuration(), &PatchParams::default(), &Patch::<()>::Json(patch)).await.expect("it is legal");
    // The API server calls with the new version a moment later; then with nothing else.
    let mut answered = 0;
    wait_for("twenty reviews of v1beta1", PATIENCE, || {
        answered += 1;
        let world = &world;
        async move {
            world.until_called().await;
            (answered >= 20).then_some(())
        }
    })
    .await;
    let root = der(&stored(&world, "root.crt").await);
    let pod = with_reference("direct", "db@azurekeyvault");
    for version in ["admission.k8s.io/v1beta1", "admission.k8s.io/v1"] {
        let review = json!({"apiVersion": version, "kind": "AdmissionReview", "request": {
            "uid": "u1", "namespace": world.shop.name(), "operation": "CREATE", "object": pod,
        }});
        let answer = Asker::new(world.replicas[0].tls(), &root).post("/pods", &review).await;
        assert_eq!((answer.status, answer.body["apiVersion"].as_str()), (200, Some(version)), "{answer:?}");
        assert_eq!(answer.body["response"]["uid"], "u1");
        assert!(answer.body["response"]["allowed"] == true && answer.body["response"]["patch"].is_string());
    }
    for junk in ["", "{}", "null", "[]", "{\"apiVersion\": \"admission.k8s.io/v3\", \"request\": {\"uid\": \"\"}}"] {
        let asker = Asker::new(world.replicas[0].tls(), &root);
        let answer = asker.send(asker.request(reqwest::Method::POST, "/pods").body(junk)).await;
        assert_eq!(answer.status, 400, "{junk}: {answer:?}");
    }
}
