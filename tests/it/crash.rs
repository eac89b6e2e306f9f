//! Controllers that die, and servers that go away: the end state is the wanted state.

use akv_tests::World;
use std::time::Duration;

/// Deterministic: a linear congruential sequence (Knuth's MMIX) stands in for chance.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[tokio::test]
async fn killed_at_many_moments_the_end_state_is_the_wanted_state() {
    let objects: String = (0..8).map(|n| format!("  - {{name: s{n}, value: start}}\n")).collect();
    let mut world = World::start("killed", &format!("  secrets:\n{objects}"), &["--azure-resync-period", "1"]).await;
    for n in 0..8 {
        world
            .apply_secret(&format!("r{n}"), &format!("s{n}"), &format!("{{secret: {{name: t{n}, dataKey: v}}}}"))
            .await;
    }
    let mut chance = 7;
    let rounds = 100;
    for round in 0..rounds {
        for n in 0..8 {
            world.vault.set_secret("shop-prod", &format!("s{n}"), &format!("round {round} {n}"));
        }
        // Targets move too, so that a crash can hit between the new and the old one.
        let n = next(&mut chance) % 8;
        world
            .apply_secret(
                &format!("r{n}"),
                &format!("s{n}"),
                &format!("{{secret: {{name: t{n}-{round}, dataKey: v}}}}"),
            )
            .await;
        tokio::time::sleep(Duration::from_millis(next(&mut chance) % 700)).await;
        world.controller.kill();
        world.controller = world.another_controller().await;
    }
    for n in 0..8 {
        let resource = format!("r{n}");
        let wanted = world.api::<akv_api::AzureKeyVaultSecret>().get(&resource).await.expect("it is there");
        let target = wanted.spec.output.and_then(|o| o.secret).map(|s| s.name).unwrap_or_default();
        world.until_value(&target, "v", &format!("round {} {n}", rounds - 1)).await;
        world.until(&resource, "Synced").await;
    }
    let left = world.api::<k8s_openapi::api::core::v1::Secret>().list(&Default::default()).await.expect("a list");
    let mut names: Vec<String> =
        left.items.into_iter().filter_map(|s| s.metadata.name).filter(|n| n.starts_with('t')).collect();
    names.sort();
    assert_eq!(names.len(), 8, "every old target is gone: {names:?}");
}

#[tokio::test]
async fn of_two_controllers_one_leads_and_the_other_takes_over() {
    let mut world =
        World::start("leader", "  secrets: [{name: s, value: one}]\n", &["--azure-resync-period", "1"]).await;
    world.apply_secret("r", "s", "{secret: {name: t, dataKey: v}}").await;
    world.until_value("t", "v", "one").await;
    let second = world.another_controller().await;
    assert_eq!(second.metric("akv2k8s_leader", &[]).await, 0.0);
    assert_eq!(world.controller.metric("akv2k8s_leader", &[]).await, 1.0);
    world.controller.kill();
    world.vault.set_secret("shop-prod", "s", "two");
    world.until_value("t", "v", "two").await;
    assert_eq!(second.metric("akv2k8s_leader", &[]).await, 1.0);
}
