//! Controllers that die, hang or are asked to end: the end state is the wanted state, and no old value follows a newer one.

use akv_tests::world::PATIENCE;
use akv_tests::{AuditEvent, World, wait_for};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const RESOURCES: usize = 8;
const KILLS: usize = 100;
/// Of so many kills, one comes after a write for certain.
const WRITING: usize = 3;

/// Deterministic: a linear congruential sequence (Knuth's MMIX) stands in for chance.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// A content of a target that a controller wrote and the API server accepted.
#[derive(Debug, Clone, PartialEq)]
struct Write {
    /// Which process.
    by: String,
    /// The round in which the vault got this content.
    round: usize,
}

/// What was written into every Secret of the world's namespace, in order. Contents are `round R …`.
fn contents(world: &World, events: &[AuditEvent]) -> BTreeMap<String, Vec<Write>> {
    let mut writes: BTreeMap<String, Vec<Write>> = BTreeMap::new();
    for event in events.iter().filter(|e| to_target(world, e) && e.verb == "patch") {
        let Some(encoded) = event.request_object["data"]["v"].as_str() else { continue };
        let text = String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("text");
        let round = text.split(' ').nth(1).and_then(|r| r.parse().ok()).unwrap_or_else(|| panic!("{text:?}"));
        let write = Write { by: event.credential().to_owned(), round };
        writes.entry(event.name().to_owned()).or_default().push(write);
    }
    writes
}

/// An accepted write of a controller to a Secret of the world.
fn to_target(world: &World, event: &AuditEvent) -> bool {
    event.has_written()
        && event.resource() == "secrets"
        && event.namespace() == world.namespace.name()
        && event.user().ends_with(":akv2k8s-controller")
        && event.name() != "akv2k8s-digest-key"
}

/// Nothing older follows something newer, and one process writes the same content only once.
fn check_order(writes: &BTreeMap<String, Vec<Write>>) {
    for (target, writes) in writes {
        for pair in writes.windows(2) {
            let [before, after] = pair else { continue };
            assert!(before.round <= after.round, "{target} went back: {writes:#?}");
            assert!(before.round < after.round || before.by != after.by, "{target} was written again: {writes:#?}");
        }
    }
}

#[tokio::test]
async fn killed_at_many_moments_the_end_state_is_the_wanted_state() {
    let objects: String = (0..RESOURCES).map(|n| format!("  - {{name: s{n}, value: round 0 {n}}}\n")).collect();
    let mut world = World::start("killed", &format!("  secrets:\n{objects}"), &["--azure-resync-period", "1"]).await;
    let mark = world.namespace.cluster().audit_mark().await;
    for n in 0..RESOURCES {
        let output = format!("{{secret: {{name: t{n}, dataKey: v}}}}");
        world.apply_secret(&format!("r{n}"), &format!("s{n}"), &output).await;
    }
    let resources = world.api::<akv_api::AzureKeyVaultSecret>();
    let mut chance = 7;
    let mut targets: Vec<String> = (0..RESOURCES).map(|n| format!("t{n}")).collect();
    for round in 1..=KILLS {
        for n in 0..RESOURCES {
            world.vault.set_secret("shop-prod", &format!("s{n}"), &format!("round {round} {n}"));
        }
        // Targets move too, so that a crash can hit between the new and the old one.
        let n = next(&mut chance) as usize % RESOURCES;
        targets[n] = format!("t{n}-{round}");
        let moved = Patch::Merge(json!({"spec": {"output": {"secret": {"name": targets[n]}}}}));
        resources.patch(&format!("r{n}"), &PatchParams::default(), &moved).await.expect("it is there");
        // However slow the machine is, so many processes are killed amid their writes.
        if round % WRITING == 0 {
            let n = (n + 1) % RESOURCES;
            world.until_value(&targets[n], "v", &format!("round {round} {n}")).await;
        }
        tokio::time::sleep(Duration::from_millis(next(&mut chance) % 500)).await;
        world.controller.kill();
        world.end_lease().await;
        world.controller = world.another_controller().await;
    }
    let mut wanted = BTreeSet::new();
    for n in 0..RESOURCES {
        let resource = format!("r{n}");
        let spec = resources.get(&resource).await.expect("it is there").spec;
        let target = spec.output.and_then(|o| o.secret).map(|s| s.name).unwrap_or_default();
        world.until_value(&target, "v", &format!("round {KILLS} {n}")).await;
        world.until(&resource, "Synced").await;
        wanted.insert(target);
    }
    wait_for("every old target to be gone", PATIENCE, || async {
        let left = world.api::<k8s_openapi::api::core::v1::Secret>().list(&Default::default()).await.expect("a list");
        let names = left.items.into_iter().filter_map(|s| s.metadata.name).filter(|n| n.starts_with('t'));
        (names.collect::<BTreeSet<_>>() == wanted).then_some(())
    })
    .await;
    let events = world.namespace.cluster().audit_since(mark).await;
    let writes = contents(&world, &events);
    check_order(&writes);
    let all: Vec<&Write> = writes.values().flatten().collect();
    let writers: BTreeSet<&str> = all.iter().map(|w| w.by.as_str()).collect();
    let twice = writes.values().flat_map(|w| w.windows(2)).filter(|p| p[0].round == p[1].round).count();
    println!("{KILLS} kills; {} writes to {} targets by {} processes", all.len(), writes.len(), writers.len());
    println!("no content older than the one before; {twice} times the same one, by the successor of a killed process");
    // A process that is killed before it leads shows nothing.
    assert!(writers.len() >= KILLS / WRITING, "only {} of the killed processes had written", writers.len());
}

/// Every 50 ms another content, as `round R …`.
async fn rotate(world: &World, round: &mut usize, patience: Duration, until: impl AsyncFn() -> bool) {
    let began = std::time::Instant::now();
    while !until().await {
        assert!(began.elapsed() < patience, "waited {} s in vain", patience.as_secs());
        *round += 1;
        world.vault.set_secret("shop-prod", "s", &format!("round {round}"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn of_two_controllers_one_leads_and_the_other_takes_over_and_never_do_both_write() {
    let mut world =
        World::start("leader", "  secrets: [{name: s, value: round 0}]\n", &["--azure-resync-period", "1"]).await;
    let cluster = world.namespace.cluster().clone();
    let mark = cluster.audit_mark().await;
    world.apply_secret("r", "s", "{secret: {name: t, dataKey: v}}").await;
    world.until_value("t", "v", "round 0").await;
    let mut second = world.another_controller().await;
    assert_eq!(second.metric("akv2k8s_leader", &[]).await, 0.0);
    assert_eq!(world.controller.metric("akv2k8s_leader", &[]).await, 1.0);
    let mut round = 0;
    let long = Duration::from_secs(60);
    // The leader hangs; the other takes over; the first wakes up and thinks for a moment that nothing has happened.
    rotate(&world, &mut round, long, async || world.value("t", "v").await.as_deref() != Some("round 0")).await;
    world.controller.freeze();
    let last = world.value("t", "v").await;
    rotate(&world, &mut round, long, async || world.value("t", "v").await != last).await;
    assert_eq!(second.metric("akv2k8s_leader", &[]).await, 1.0);
    world.controller.thaw();
    rotate(&world, &mut round, long, async || world.controller.metric("akv2k8s_leader", &[]).await == 0.0).await;
    // Now the second dies, and the first, a candidate again in the same process, takes over.
    second.kill();
    rotate(&world, &mut round, long, async || world.controller.metric("akv2k8s_leader", &[]).await == 1.0).await;
    round += 1;
    world.vault.set_secret("shop-prod", "s", &format!("round {round}"));
    world.until_value("t", "v", &format!("round {round}")).await;
    world.controller.check_alive();

    let events = cluster.audit_since(mark).await;
    check_order(&contents(&world, &events));
    let targets: Vec<&AuditEvent> = events.iter().filter(|e| to_target(&world, e)).collect();
    // Who holds the lease, from when on. The first had it before the log was looked at.
    let first = targets.first().expect("the target was written");
    let mut terms = vec![(first.credential(), first.received)];
    let leases = events.iter().filter(|e| e.namespace() == world.namespace.name() && e.resource() == "leases");
    let taken = |e: &&AuditEvent| e.has_written() && !e.request_object["spec"]["holderIdentity"].is_null();
    for lease in leases.filter(taken) {
        if terms.last().is_none_or(|(holder, _)| *holder != lease.credential()) {
            terms.push((lease.credential(), lease.received));
        }
    }
    assert_eq!(terms.len(), 3, "the first, the second, the first: {terms:?}");
    assert!(terms[0].0 == terms[2].0 && terms[0].0 != terms[1].0, "{terms:?}");
    for (n, (holder, from)) in terms.iter().enumerate() {
        let end = terms.get(n + 1).map(|(_, end)| *end);
        let within = |e: &&&AuditEvent| e.received >= *from && end.is_none_or(|end| e.received < end);
        let written: Vec<_> = targets.iter().filter(within).collect();
        assert!(written.iter().all(|e| e.credential() == *holder), "another than the leader wrote: {written:#?}");
        assert!(!written.is_empty(), "a leader that writes nothing shows nothing");
        println!("term {}: {} writes to the target, all by the holder of the lease", n + 1, written.len());
    }
}

#[tokio::test]
async fn a_controller_that_is_asked_to_end_gives_its_lease_back() {
    let mut world =
        World::start("asked", "  secrets: [{name: s, value: one}]\n", &["--azure-resync-period", "1"]).await;
    world.apply_secret("r", "s", "{secret: {name: t, dataKey: v}}").await;
    world.until_value("t", "v", "one").await;
    assert!(world.controller.stop(), "it ends by itself");
    assert!(world.controller.log().contains("stopped"), "{}", world.controller.log());
    let lease = world.api::<Lease>().get("akv2k8s-controller").await.expect("it is there");
    assert_eq!(lease.spec.and_then(|s| s.holder_identity), None);
    // Nobody has to wait for the lease to run out.
    let began = std::time::Instant::now();
    world.controller = world.another_controller().await;
    world.controller.ready().await;
    world.vault.set_secret("shop-prod", "s", "two");
    world.until_value("t", "v", "two").await;
    println!("the next one wrote {:.1} s after it was started", began.elapsed().as_secs_f32());
}
