//! What stops a container: one line that says which, why and what to do.

use crate::container::{CANARY, Container};
use crate::vault::World;
use local_vault::Fault;
use serde_json::json;
use std::time::{Duration, Instant};

fn get(name: &str) -> Fault {
    Fault { operation: "secrets.get".to_owned(), name: Some(name.to_owned()), ..Fault::default() }
}

async fn failure(world: &World, value: &str) -> String {
    world.container(&["true"]).variable("V", value).run().await.failure(1)
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_said_at_once() {
    let world = World::with("absent", &[("db", CANARY), ("empty", ""), ("binary", "a\u{0}b")]).await;
    let object = |name: &str| json!({"vault": {"name": "shop", "object": {"name": name, "type": "secret"}}});
    world.resources(&[
        ("db", object("db")),
        ("gone", object("gone")),
        ("empty", object("empty")),
        ("binary", object("binary")),
        ("bad", json!({"vault": {"name": "no/vault", "object": {"name": "db", "type": "secret"}}})),
        ("unknown", json!({"vault": {"name": "shop", "object": {"name": "db", "type": "password"}}})),
    ]);
    let began = Instant::now();
    let check = async |value: &str, expected: &[&str]| {
        let line = failure(&world, value).await;
        assert!(expected.iter().all(|part| line.contains(part)), "{line}");
    };
    check("other@azurekeyvault", &["resources.yaml", "other", "AzureKeyVaultSecret"]).await;
    check("gone@azurekeyvault", &["resource gone", "ObjectNotFound"]).await;
    check("empty@azurekeyvault", &["variable V", "empty"]).await;
    check("binary@azurekeyvault", &["variable V", "zero byte"]).await;
    check("bad@azurekeyvault", &["resource bad", "spec.vault.name"]).await;
    check("unknown@azurekeyvault", &["resource unknown", "password"]).await;
    let stranger = world.container_of("stranger", &["true"]).variable("V", "db@azurekeyvault");
    let line = stranger.run().await.failure(1);
    assert!(line.contains("VaultForbidden") && line.contains("resource db"), "{line}");
    assert!(began.elapsed() < Duration::from_secs(50), "no try is repeated: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_file_that_is_none_is_named() {
    let world = World::usual("yaml").await;
    let file = world.folder.write("bad.yaml", "a: [\n");
    let line = Container::given(&file, &["true"]).variable("V", "db@azurekeyvault").run().await.failure(1);
    assert!(line.contains("bad.yaml") && line.contains("line"), "{line}");
    let line =
        Container::given("/no/file".as_ref(), &["true"]).variable("V", "db@azurekeyvault").run().await.failure(1);
    assert!(line.contains("/no/file"), "{line}");
}

#[tokio::test]
async fn a_busy_vault_is_asked_again_when_it_wants() {
    let world = World::usual("busy").await;
    world.vault.add_fault(Fault { status: Some(429), retry_after: Some(3), count: Some(2), ..get("db") });
    let began = Instant::now();
    let ended = world.container(&["sh", "-c", "printf %s \"$V\""]).variable("V", "db@azurekeyvault").run().await;
    assert_eq!(ended.good(), CANARY);
    assert!(began.elapsed() >= Duration::from_secs(3), "Retry-After was honoured: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_vault_that_wants_more_time_than_there_is_is_not_waited_for() {
    let world = World::usual("later").await;
    world.vault.add_fault(Fault { status: Some(429), retry_after: Some(3600), ..get("db") });
    let began = Instant::now();
    let line = failure(&world, "db@azurekeyvault").await;
    assert!(line.contains("VaultThrottled") || line.contains("Throttled"), "{line}");
    assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_dead_vault_ends_it_at_the_deadline() {
    let world = World::usual("dead").await;
    world.vault.add_fault(Fault { operation: "*".to_owned(), reset: true, ..Fault::default() });
    let began = Instant::now();
    let line = failure(&world, "db@azurekeyvault").await;
    assert!(line.contains("resource db: IdentityFailed") && line.contains("times"), "{line}");
    let took = began.elapsed();
    assert!((Duration::from_secs(30)..Duration::from_secs(75)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_vault_that_never_ends_its_answer_ends_it_at_the_deadline() {
    let world = World::usual("slow").await;
    world.vault.add_fault(Fault { slow_body: true, ..get("db") });
    let began = Instant::now();
    let line = failure(&world, "db@azurekeyvault").await;
    assert!(line.contains("resource db: VaultUnavailable"), "{line}");
    let took = began.elapsed();
    assert!((Duration::from_secs(30)..Duration::from_secs(75)).contains(&took), "{took:?}");
}
