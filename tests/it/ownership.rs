//! Who owns what in a target: moves, before and after, through the real API server.

use akv_api::AzureKeyVaultSecret;
use akv_tests::world::{PATIENCE, Setup};
use akv_tests::{World, wait_for};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const OBJECTS: &str = "  secrets:\n  - {name: one, value: v1}\n  - {name: two, value: v2}\n  - {name: login, value: 'u:p'}\n  - {name: multi, value: '{\"a\": \"1\", \"b\": \"2\"}'}\n";

/// Data of a Secret as text; `None` if there is none.
async fn data(world: &World, name: &str) -> Content {
    world.secret(name).await.map(text)
}

fn text(secret: Secret) -> BTreeMap<String, String> {
    let data = secret.data.unwrap_or_default();
    data.into_iter().map(|(k, v)| (k, String::from_utf8_lossy(&v.0).into_owned())).collect()
}

/// What a Secret holds, as text.
type Content = Option<BTreeMap<String, String>>;

/// A world, and what its Secrets held after the last move.
struct Moves {
    world: World,
    seen: Mutex<BTreeMap<String, Content>>,
}

impl Deref for Moves {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

/// Waits until a Secret holds exactly this; `None` that it is gone. Prints a row of the table of moves.
async fn until(world: &Moves, move_: &str, name: &str, expected: Option<&[(&str, &str)]>) {
    let expected: Content =
        expected.map(|pairs| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    wait_for(&format!("{move_}: Secret {name} to hold {expected:?}"), PATIENCE, || async {
        (data(world, name).await == expected).then_some(())
    })
    .await;
    let mut seen = world.seen.lock().unwrap_or_else(PoisonError::into_inner);
    let before = seen.insert(name.to_owned(), expected.clone()).flatten();
    let show = |content: &Content| content.as_ref().map_or("nothing".to_owned(), |c| format!("{c:?}"));
    println!("{move_:<34} {name:<8} {:<40} -> {}", show(&before), show(&expected));
}

async fn world(name: &str) -> Moves {
    moves(World::start(name, OBJECTS, &["--azure-resync-period", "2"]).await)
}

fn moves(world: World) -> Moves {
    Moves { world, seen: Mutex::default() }
}

/// Somebody changes a Secret by hand.
async fn patch(world: &Moves, secret: &str, patch: serde_json::Value) {
    let secrets = world.api::<Secret>();
    let patched = secrets.patch(secret, &PatchParams::default(), &Patch::Merge(&patch)).await;
    let content = text(patched.expect("an administrator may"));
    world.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned(), Some(content));
}

#[tokio::test]
async fn a_resource_that_changes_its_mind_leaves_nothing_behind() {
    let world = world("moves").await;
    world.apply_secret("r", "one", "{secret: {name: first, dataKey: k}}").await;
    until(&world, "created", "first", Some(&[("k", "v1")])).await;
    world.apply_secret("r", "one", "{secret: {name: first, dataKey: other}}").await;
    until(&world, "key renamed", "first", Some(&[("other", "v1")])).await;
    world.apply_secret("r", "one", "{secret: {name: second, dataKey: k}}").await;
    until(&world, "target renamed, new one", "second", Some(&[("k", "v1")])).await;
    until(&world, "target renamed, old one", "first", None).await;
    world.apply_secret("r", "login", "{secret: {name: second, type: kubernetes.io/basic-auth}}").await;
    until(&world, "type changed", "second", Some(&[("password", "p"), ("username", "u")])).await;
    world.apply_secret("r", "one", "{configMap: {name: map, dataKey: k}}").await;
    until(&world, "moved to a ConfigMap", "second", None).await;
    world.until("r", "Synced").await;
    assert!(world.config_map("map").await.is_some());
    let api = world.api::<AzureKeyVaultSecret>();
    let patch = Patch::Merge(json!({"spec": {"output": null}}));
    api.patch("r", &PatchParams::default(), &patch).await.expect("an output is optional");
    wait_for("output removed: the ConfigMap to go", PATIENCE, || async {
        world.config_map("map").await.is_none().then_some(())
    })
    .await;
    world.apply("apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {name: m}\nspec:\n  vault: {name: shop-prod, object: {name: multi, type: multi-key-value-secret, contentType: application/x-json}}\n  output: {secret: {name: multi}}\n").await;
    until(&world, "multi-key value", "multi", Some(&[("a", "1"), ("b", "2")])).await;
    world.vault.set_secret("shop-prod", "multi", r#"{"b": "3"}"#);
    until(&world, "key removed in the vault", "multi", Some(&[("b", "3")])).await;
    api.delete("m", &DeleteParams::default()).await.expect("it is there");
    until(&world, "resource deleted", "multi", None).await;
}

#[tokio::test]
async fn foreign_objects_are_left_alone_until_their_owner_gives_them_away() {
    let world = world("foreign").await;
    world.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: theirs}\nstringData: {mine: keep}\n").await;
    world.apply_secret("r", "one", "{secret: {name: theirs, dataKey: k}}").await;
    let condition = world.until("r", "TargetNotOwned").await;
    assert!(condition.message.contains("spv.no/adopt"), "{}", condition.message);
    until(&world, "foreign, not adopted", "theirs", Some(&[("mine", "keep")])).await;
    let adopt = json!({"metadata": {"annotations": {"spv.no/adopt": format!("{}/r", world.namespace.name())}}});
    patch(&world, "theirs", adopt).await;
    until(&world, "foreign, adopted", "theirs", Some(&[("k", "v1"), ("mine", "keep")])).await;
    let owners = world.secret("theirs").await.and_then(|s| s.metadata.owner_references).unwrap_or_default();
    assert!(owners.is_empty(), "the garbage collector must not delete what was there first");
    world.until("r", "Synced").await;
    world.api::<AzureKeyVaultSecret>().delete("r", &DeleteParams::default()).await.expect("it is there");
    until(&world, "adopter deleted", "theirs", Some(&[("mine", "keep")])).await;
}

#[tokio::test]
async fn two_resources_share_a_target_and_the_older_wins_a_key() {
    let world = world("shared").await;
    world.apply_secret("old", "one", "{secret: {name: both, dataKey: a}}").await;
    world.until("old", "Synced").await;
    // Ages have the granularity of a second; the name breaks a tie, and "old" sorts before "young".
    world.apply_secret("young", "two", "{secret: {name: both, dataKey: b}}").await;
    until(&world, "shared, different keys", "both", Some(&[("a", "v1"), ("b", "v2")])).await;
    world.apply_secret("young", "two", "{secret: {name: both, dataKey: a}}").await;
    let condition = world.until("young", "KeyConflict").await;
    assert!(condition.message.contains("\"old\""), "{}", condition.message);
    until(&world, "shared, same key: nothing changes", "both", Some(&[("a", "v1"), ("b", "v2")])).await;
    world.api::<AzureKeyVaultSecret>().delete("old", &DeleteParams::default()).await.expect("it is there");
    until(&world, "the older one is gone", "both", Some(&[("a", "v2")])).await;
    world.until("young", "Synced").await;
}

#[tokio::test]
async fn what_the_original_left_is_taken_over_with_one_write_of_metadata() {
    let world = world("upstream").await;
    // Nothing runs while the original's Secret is made.
    let mut world = world;
    assert!(world.world.controller.stop());
    world.apply_secret("r", "one", "{secret: {name: s, dataKey: k}}").await;
    let uid = world.api::<AzureKeyVaultSecret>().get("r").await.expect("it is there").metadata.uid;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "s", "ownerReferences": [{
            "apiVersion": "spv.no/v2beta1", "kind": "AzureKeyVaultSecret", "name": "r", "uid": uid, "blockOwnerDeletion": true, "controller": false,
        }]},
        "data": {"k": "djE=", "stale": "eA=="},
    });
    let secret: Secret = serde_json::from_value(secret).expect("a Secret");
    let params =
        kube::api::PostParams { field_manager: Some("azure-keyvault-controller".to_owned()), ..Default::default() };
    let before = world.api::<Secret>().create(&params, &secret).await.expect("it is new");
    // An empty name is no target.
    let status = json!({"status": {"secretName": "s", "secretHash": "0", "configMapName": "", "configMapHash": ""}});
    let status = kube::api::Patch::Merge(&status);
    world.api::<AzureKeyVaultSecret>().patch_status("r", &Default::default(), &status).await.expect("it is there");
    let mark = world.namespace.cluster().audit_mark().await;
    world.world.controller = world.another_controller().await;
    world.until("r", "Synced").await;
    let after = world.secret("s").await.expect("it is there");
    assert_eq!((&before.data, &before.type_, &before.metadata.uid), (&after.data, &after.type_, &after.metadata.uid));
    assert_eq!(before.metadata.owner_references, after.metadata.owner_references);
    let managers: Vec<_> = after.metadata.managed_fields.into_iter().flatten().filter_map(|m| m.manager).collect();
    assert!(managers.contains(&"akv2k8s/r".to_owned()), "{managers:?}");
    let events = world.namespace.cluster().audit_since(mark).await;
    let writes = events.iter().filter(|e| {
        e.is_write() && e.namespace() == world.namespace.name() && e.resource() == "secrets" && e.name() == "s"
    });
    assert_eq!(writes.count(), 1, "one write takes it over");
    let status =
        world.api::<AzureKeyVaultSecret>().get("r").await.expect("it is there").status.expect("it was written");
    assert_eq!((status.config_map_name, status.config_map_hash), (None, None), "what the original wrote is gone");
    let of_status = |e: &&akv_tests::AuditEvent| {
        e.is_write() && e.namespace() == world.namespace.name() && e.resource() == "azurekeyvaultsecrets"
    };
    let mark = world.namespace.cluster().audit_mark().await;
    // Three of them.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let events = world.namespace.cluster().audit_since(mark).await;
    assert_eq!(events.iter().filter(of_status).count(), 0, "polls of what is current write nothing");
    world.vault.set_secret("shop-prod", "one", "v1b");
    until(&world, "taken over, then rotated", "s", Some(&[("k", "v1b"), ("stale", "x")])).await;
}

#[tokio::test]
async fn what_a_hand_changes_is_put_right_and_what_it_adds_stays() {
    let world = world("hand").await;
    world.apply_secret("r", "one", "{secret: {name: s, dataKey: k, metadata: {labels: {app: shop}}}}").await;
    until(&world, "created", "s", Some(&[("k", "v1")])).await;
    patch(&world, "s", json!({"stringData": {"k": "edited"}})).await;
    until(&world, "value changed by hand", "s", Some(&[("k", "v1")])).await;
    patch(&world, "s", json!({"data": {"k": null}})).await;
    until(&world, "key deleted by hand", "s", Some(&[("k", "v1")])).await;
    patch(&world, "s", json!({"metadata": {"labels": {"app": "theirs"}, "ownerReferences": []}})).await;
    wait_for("label and owner to be put right", PATIENCE, || async {
        let metadata = world.secret("s").await?.metadata;
        let labelled = metadata.labels?.get("app").is_some_and(|v| v == "shop");
        (labelled && metadata.owner_references?.iter().any(|o| o.name == "r")).then_some(())
    })
    .await;
    until(&world, "label and owner changed by hand", "s", Some(&[("k", "v1")])).await;
    let uid = |s: Secret| s.metadata.uid;
    let before = world.secret("s").await.map(uid);
    patch(&world, "s", json!({"immutable": true})).await;
    world.vault.set_secret("shop-prod", "one", "v2");
    until(&world, "made immutable by hand, then rotated", "s", Some(&[("k", "v2")])).await;
    assert_ne!(before, world.secret("s").await.map(uid), "an immutable Secret is replaced by another");
    patch(&world, "s", json!({"stringData": {"mine": "keep"}})).await;
    world.vault.set_secret("shop-prod", "one", "v3");
    until(&world, "key added by hand, then rotated", "s", Some(&[("k", "v3"), ("mine", "keep")])).await;
    world.api::<Secret>().delete("s", &DeleteParams::default()).await.expect("it is there");
    until(&world, "deleted by hand", "s", Some(&[("k", "v3")])).await;
}

#[tokio::test]
async fn what_somebody_creates_between_a_look_and_a_write_is_left_alone() {
    let setup = Setup { gate: true, ..Setup::default() };
    let world = moves(World::start_as(setup, "race", OBJECTS, &["--azure-resync-period", "2"]).await);
    let mut write = world.gate().hold("PATCH", "/secrets/s");
    world.apply_secret("r", "one", "{secret: {name: s, dataKey: k}}").await;
    // The controller has seen that there is no Secret, and its write is on the way.
    write.here().await;
    assert!(world.secret("s").await.is_none());
    world.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {mine: keep}\n").await;
    let before = world.secret("s").await.expect("it was just made");
    write.go();
    world.until("r", "TargetNotOwned").await;
    assert_eq!(Some(before), world.secret("s").await);
    until(&world, "created by another at that moment", "s", Some(&[("mine", "keep")])).await;
}

#[tokio::test]
async fn a_clean_up_that_fails_is_tried_again_until_it_is_done() {
    let setup = Setup { gate: true, ..Setup::default() };
    let world = moves(World::start_as(setup, "cleanup", OBJECTS, &["--azure-resync-period", "2"]).await);
    // An adopted Secret has no owner, so no garbage collector touches it and no event comes to the rescue.
    let adopt = format!("{{spv.no/adopt: {}/r}}", world.namespace.name());
    world.apply(&format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: theirs, annotations: {adopt}}}\nstringData: {{mine: keep}}\n")).await;
    world.apply_secret("r", "one", "{secret: {name: theirs, dataKey: k}}").await;
    until(&world, "adopted", "theirs", Some(&[("k", "v1"), ("mine", "keep")])).await;
    world.until("r", "Synced").await;
    let refusals = 3;
    world.gate().refuse("PATCH", "/secrets/theirs", refusals);
    world.api::<AzureKeyVaultSecret>().delete("r", &DeleteParams::default()).await.expect("it is there");
    until(&world, "adopter deleted, clean-up refused", "theirs", Some(&[("mine", "keep")])).await;
    assert_eq!(world.gate().refusals_left(), 0);
    let log = world.controller.log();
    assert_eq!(log.matches("could not be removed yet").count(), refusals, "{log}");
}
