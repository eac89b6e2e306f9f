//! Vault trouble: what the resource says, when it is tried again, and that the target keeps what it had.

use akv_tests::world::{PATIENCE, Setup};
use akv_tests::{Switch, World, wait_for};
use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams};
use local_vault::{LocalVault, Options, Seed};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// The poll period of these tests, in seconds: what needs a person is looked at after it.
const POLL: &str = "3";

/// A row of `tests/data/faults.yaml`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    case: String,
    fault: Option<Value>,
    act: Option<String>,
    /// A new controller, whose first token request meets the fault.
    #[serde(default)]
    fresh: bool,
    /// Only an edit brings the next look within the patience of a test.
    #[serde(default)]
    edit: bool,
    /// What the condition's message holds.
    #[serde(default)]
    says: String,
    /// No trouble, but a warning in the status, which holds this.
    warning: Option<String>,
    reason: String,
    seconds: u64,
}

impl Row {
    /// Whether it strikes every object of the vault.
    fn is_for_all(&self) -> bool {
        self.fresh || matches!(self.act.as_deref(), Some("impostor" | "nobody"))
    }
}

/// A world whose vault can be exchanged for another, or for nobody, under the running controller. Every row has an object, a
/// resource and a target of its name.
struct Scene {
    world: World,
    switch: Switch,
    vault: SocketAddr,
    impostor: LocalVault,
}

impl Scene {
    async fn start(rows: &[Row]) -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        // Names below `localhost` lead to 127.0.0.1, where the switch is; the vaults have other addresses of loopback.
        let options = |host| Options { listen: SocketAddr::from(([127, 0, 0, host], 0)), ..Options::default() };
        let setup = Setup { vault: options(2), ..Setup::default() };
        let objects: String = rows.iter().map(|row| format!("  - {{name: {}, value: before}}\n", row.case)).collect();
        let objects = format!("  secrets:\n{objects}");
        let world = World::start_as(setup, "faults", &objects, &["--azure-resync-period", POLL]).await;
        let vault = SocketAddr::from(([127, 0, 0, 2], world.vault.port()));
        let switch = Switch::start(SocketAddr::from(([127, 0, 0, 1], world.vault.port())), vault).await;
        let seed = Seed::parse("vaults: [{name: shop-prod}]").expect("a vault of another authority");
        let impostor = LocalVault::start(seed, options(3)).await.expect("loopback has a free port");
        for Row { case, .. } in rows {
            world.apply_secret(case, case, &format!("{{secret: {{name: {case}, dataKey: value}}}}")).await;
        }
        for row in rows {
            world.until(&row.case, "Synced").await;
        }
        Self { world, switch, vault, impostor }
    }

    fn begin(&self, row: &Row) {
        let vault = &self.world.vault;
        if let Some(fault) = &row.fault {
            let mut fault = fault.clone();
            if !row.is_for_all() {
                fault["name"] = json!(row.case);
            }
            vault.add_fault(serde_json::from_value(fault).expect("the fault is readable"));
        }
        match row.act.as_deref() {
            None => {}
            Some("impostor") => self.switch.turn(SocketAddr::from(([127, 0, 0, 3], self.impostor.port()))),
            Some("nobody") => self.switch.turn(SocketAddr::from(([127, 0, 0, 4], self.impostor.port()))),
            Some(act @ ("disable" | "delete")) => vault.change("shop-prod", "secrets", &row.case, act),
            Some(other) => panic!("{other:?} is no act of a row of trouble"),
        }
    }

    /// Ends all trouble.
    fn calm(&self) {
        self.world.vault.clear_faults();
        self.switch.turn(self.vault);
    }

    /// Sees the target follow after the trouble.
    async fn follows(&self, row: &Row) {
        let (world, name) = (&self.world, &row.case);
        if row.act.as_deref() == Some("delete") {
            world.vault.change("shop-prod", "secrets", name, "recover");
        }
        world.vault.set_secret("shop-prod", name, "after");
        if row.edit {
            // An edit of the resource is looked at at once, whatever the vault asked for.
            let metadata = format!("{{labels: {{edited: {name}}}}}");
            let output = format!("{{secret: {{name: {name}, dataKey: value, metadata: {metadata}}}}}");
            world.apply_secret(name, name, &output).await;
        }
        world.until(name, "Synced").await;
        world.until_value(name, "value", "after").await;
    }

    async fn before(&self, row: &Row) -> Before {
        let logged = self.world.controller.log().len();
        Before { secret: self.target(row).await, logged, since: Timestamp::now() }
    }

    async fn target(&self, row: &Row) -> Secret {
        self.world.secret(&row.case).await.expect("it is there")
    }

    /// The Secret is what it was, to the byte and beyond.
    async fn unchanged(&self, before: &Secret, row: &Row) {
        let version = |s: &Secret| s.metadata.resource_version.clone();
        assert_eq!(version(before), version(&self.target(row).await), "{}: the target was written", row.case);
    }
}

#[tokio::test]
async fn every_kind_of_trouble_is_named_keeps_the_target_and_passes() {
    let text = include_str!("../data/faults.yaml");
    let rows: Vec<Row> = serde_yaml_ng::from_str(text).expect("the table is readable");
    let mut scene = Scene::start(&rows).await;
    let (all, one): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.is_for_all());
    // Trouble of one object leaves the others alone, so all of it comes at once.
    join_all(one.iter().map(async |row| {
        let before = scene.before(row).await;
        if let Some(warning) = &row.warning {
            dates(&scene, row, &before, warning).await;
        } else {
            scene.begin(row);
            trouble(&scene, row, &before).await;
        }
    }))
    .await;
    scene.calm();
    join_all(one.iter().map(|row| scene.follows(row))).await;
    // What strikes everybody comes one by one.
    for row in all {
        scene.world.until(&row.case, "Synced").await;
        if row.fresh {
            // Tokens are asked for one after the other, so a crowd of resources would make this one wait for its turn.
            let others = ListParams::default().fields(&format!("metadata.name!={}", row.case));
            let resources = scene.world.api::<akv_api::AzureKeyVaultSecret>();
            resources.delete_collection(&DeleteParams::default(), &others).await.expect("an administrator may");
        }
        let mut before = scene.before(row).await;
        scene.begin(row);
        if row.fresh {
            assert!(scene.world.controller.stop(), "{}: the controller ends by itself", row.case);
            scene.world.controller = scene.world.another_controller().await;
            before.logged = 0;
        }
        trouble(&scene, row, &before).await;
        scene.calm();
        scene.follows(row).await;
    }
}

/// How things are before a row.
struct Before {
    secret: Secret,
    logged: usize,
    since: Timestamp,
}

async fn trouble(scene: &Scene, row: &Row, before: &Before) {
    let (world, since) = (&scene.world, before.since);
    let condition = world.until(&row.case, &row.reason).await;
    assert_eq!(condition.status, "False", "{}", row.case);
    assert!(condition.message.contains(&row.says), "{}: {}", row.case, condition.message);
    let synced = world.condition(&row.case, "Synced").await.expect("it has both");
    assert_eq!(synced.status, "True", "{}: the target holds what was read last", row.case);
    scene.unchanged(&before.secret, row).await;
    let next = first_next_try(&world.controller.log()[before.logged..], row);
    assert_eq!(next, Some(row.seconds), "{}: the next try", row.case);
    event(world, row, since).await;
    println!(
        "{:<18} Ready=False/{:<17} Synced=True, Secret unchanged, Warning event, next try after {:>3} s: {}",
        row.case, row.reason, row.seconds, condition.message
    );
}

/// An object whose dates say that it is not to be used, as the vault hands it out.
async fn dates(scene: &Scene, row: &Row, before: &Before, warning: &str) {
    let attributes = match row.act.as_deref() {
        Some("expired") => json!({"exp": 1_000_000_000}),
        Some("not-yet-valid") => json!({"nbf": 4_102_444_800_i64}),
        other => panic!("{other:?} is no act of a row of dates"),
    };
    let world = &scene.world;
    put(world, row, "before", &attributes).await;
    let said = wait_for(&format!("the warning of {}", row.case), PATIENCE, || async {
        let resource = world.api::<akv_api::AzureKeyVaultSecret>().get_opt(&row.case).await.ok()??;
        resource.status?.warnings?.into_iter().find(|w| w.contains(warning))
    })
    .await;
    let condition = world.condition(&row.case, "Ready").await.expect("it has one");
    assert_eq!((condition.status.as_str(), &condition.reason), ("True", &row.reason), "{}", row.case);
    scene.unchanged(&before.secret, row).await;
    // The next look comes with the poll, as ever: it is found by what it asks the vault.
    let label = format!("shop-prod secrets.get {}", row.case);
    let asked = || world.vault.counters().get(&label).copied().unwrap_or_default();
    let (count, began) = (asked(), std::time::Instant::now());
    wait_for("the next look", PATIENCE, || async { (asked() > count).then_some(()) }).await;
    assert!(began.elapsed() <= Duration::from_secs(row.seconds + 10), "{}: {:?}", row.case, began.elapsed());
    put(world, row, "newer", &attributes).await;
    world.until_value(&row.case, "value", "newer").await;
    println!(
        "{:<18} Ready=True/{:<18} Synced=True, Secret unchanged, no event,      next look after {:>2} s: warning: {said}",
        row.case, row.reason, row.seconds
    );
}

/// Writes a version with dates, which the admin interface of the vault takes.
async fn put(world: &World, row: &Row, value: &str, attributes: &Value) {
    let url = format!("http://{}/admin/shop-prod/secrets/{}", world.vault.admin(), row.case);
    let body = json!({"value": value, "attributes": attributes});
    let answer = reqwest::Client::new().put(url).json(&body).send().await.expect("the vault is there");
    assert!(answer.status().is_success(), "{}", answer.status());
}

fn first_next_try(log: &str, row: &Row) -> Option<u64> {
    let (name, reason) = (format!("name=\"{}\"", row.case), format!("reason=\"{}\"", row.reason));
    let line = log.lines().find(|l| l.contains("not current") && l.contains(&name) && l.contains(&reason))?;
    let after = line.split("next_try_seconds=").nth(1)?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A warning about this resource, written or counted again since then. Events of one reason are counted together, under the
/// note of the first.
async fn event(world: &World, row: &Row, since: Timestamp) {
    wait_for(&format!("an event {} of {}", row.reason, row.case), PATIENCE, || async {
        let events = world.api::<Event>().list(&Default::default()).await.ok()?;
        let said = |e: &Event| {
            let last = e.series.as_ref().map(|s| s.last_observed_time.0).or(e.event_time.as_ref().map(|t| t.0));
            e.regarding.as_ref().and_then(|r| r.name.as_ref()) == Some(&row.case)
                && e.reason.as_ref() == Some(&row.reason)
                && e.type_.as_deref() == Some("Warning")
                && last.is_some_and(|last| last >= since)
        };
        events.items.iter().any(said).then_some(())
    })
    .await;
}
