//! Vault trouble: what the resource says, when it is tried again, and that the target keeps what it had.

use akv_tests::world::{PATIENCE, Setup};
use akv_tests::{Switch, World, wait_for};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
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

/// A world whose vault can be exchanged for another, or for nobody, under the running controller.
struct Scene {
    world: World,
    switch: Switch,
    vault: SocketAddr,
    impostor: LocalVault,
}

impl Scene {
    async fn start() -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        // Names below `localhost` lead to 127.0.0.1, where the switch is; the vaults have other addresses of loopback.
        let options = |host| Options { listen: SocketAddr::from(([127, 0, 0, host], 0)), ..Options::default() };
        let setup = Setup { vault: options(2), ..Setup::default() };
        let world = World::start_as(setup, "faults", OBJECTS, &["--azure-resync-period", POLL]).await;
        let vault = SocketAddr::from(([127, 0, 0, 2], world.vault.port()));
        let switch = Switch::start(SocketAddr::from(([127, 0, 0, 1], world.vault.port())), vault).await;
        let seed = Seed::parse("vaults: [{name: shop-prod}]").expect("a vault of another authority");
        let impostor = LocalVault::start(seed, options(3)).await.expect("loopback has a free port");
        Self { world, switch, vault, impostor }
    }

    async fn begin(&self, row: &Row) {
        let vault = &self.world.vault;
        if let Some(fault) = &row.fault {
            vault.add_fault(serde_json::from_value(fault.clone()).expect("the fault is readable"));
        }
        match row.act.as_deref() {
            None => {}
            Some("impostor") => self.switch.turn(SocketAddr::from(([127, 0, 0, 3], self.impostor.port()))),
            Some("nobody") => self.switch.turn(SocketAddr::from(([127, 0, 0, 4], self.impostor.port()))),
            Some(act @ ("disable" | "delete")) => vault.change("shop-prod", "secrets", "db", act),
            Some(other) => panic!("{other:?} is no act of a row of trouble"),
        }
    }

    async fn end(&self, row: &Row, value: &str) {
        self.world.vault.clear_faults();
        self.switch.turn(self.vault);
        if row.act.as_deref() == Some("delete") {
            self.world.vault.change("shop-prod", "secrets", "db", "recover");
        }
        self.world.vault.set_secret("shop-prod", "db", value);
        if row.edit {
            // An edit of the resource is looked at at once, whatever the vault asked for.
            let metadata = format!("{{labels: {{case: {}}}}}", row.case);
            let output = format!("{{secret: {{name: db, dataKey: value, metadata: {metadata}}}}}");
            self.world.apply_secret("db", "db", &output).await;
        }
        self.world.until("db", "Synced").await;
        self.world.until_value("db", "value", value).await;
    }

    /// The Secret is what it was, to the byte and beyond.
    async fn unchanged(&self, before: &Secret, case: &str) {
        let after = self.world.secret("db").await.expect("it is there");
        let version = |s: &Secret| s.metadata.resource_version.clone();
        assert_eq!(version(before), version(&after), "{case}: the target was written");
    }
}

const OBJECTS: &str = "  secrets: [{name: db, value: before}]\n";

#[tokio::test]
async fn every_kind_of_trouble_is_named_keeps_the_target_and_passes() {
    let text = include_str!("../data/faults.yaml");
    let rows: Vec<Row> = serde_yaml_ng::from_str(text).expect("the table is readable");
    let mut scene = Scene::start().await;
    scene.world.apply_secret("db", "db", "{secret: {name: db, dataKey: value}}").await;
    scene.world.until("db", "Synced").await;
    for (round, row) in rows.iter().enumerate() {
        match &row.warning {
            Some(warning) => dates(&scene, row, warning).await,
            None => trouble(&mut scene, row).await,
        }
        scene.end(row, &format!("after {round}")).await;
    }
}

async fn trouble(scene: &mut Scene, row: &Row) {
    let before = scene.world.secret("db").await.expect("it is there");
    let (mut logged, since) = (scene.world.controller.log().len(), Timestamp::now());
    scene.begin(row).await;
    let world = &mut scene.world;
    if row.fresh {
        assert!(world.controller.stop(), "{}: the controller ends by itself", row.case);
        world.controller = world.another_controller().await;
        logged = 0;
    }
    let world = &scene.world;
    let condition = world.until("db", &row.reason).await;
    assert_eq!(condition.status, "False", "{}", row.case);
    assert!(condition.message.contains(&row.says), "{}: {}", row.case, condition.message);
    let synced = world.condition("db", "Synced").await.expect("it has both");
    assert_eq!(synced.status, "True", "{}: the target holds what was read last", row.case);
    scene.unchanged(&before, &row.case).await;
    let next = first_next_try(&world.controller.log()[logged..], &row.reason);
    assert_eq!(next, Some(row.seconds), "{}: the next try", row.case);
    event(world, &row.reason, since).await;
    println!(
        "{:<18} Ready=False/{:<17} Synced=True, Secret unchanged, Warning event, next try after {:>3} s: {}",
        row.case, row.reason, row.seconds, condition.message
    );
}

/// An object whose dates say that it is not to be used, as the vault hands it out.
async fn dates(scene: &Scene, row: &Row, warning: &str) {
    let attributes = match row.act.as_deref() {
        Some("expired") => json!({"exp": 1_000_000_000}),
        Some("not-yet-valid") => json!({"nbf": 4_102_444_800_i64}),
        other => panic!("{other:?} is no act of a row of dates"),
    };
    let world = &scene.world;
    let before = world.secret("db").await.expect("it is there");
    let value = world.value("db", "value").await.expect("it has one");
    put(world, &value, &attributes).await;
    let said = wait_for(&format!("the warning of {}", row.case), PATIENCE, || async {
        let resource = world.api::<akv_api::AzureKeyVaultSecret>().get_opt("db").await.ok()??;
        resource.status?.warnings?.into_iter().find(|w| w.contains(warning))
    })
    .await;
    let condition = world.condition("db", "Ready").await.expect("it has one");
    assert_eq!((condition.status.as_str(), &condition.reason), ("True", &row.reason), "{}", row.case);
    scene.unchanged(&before, &row.case).await;
    // The next look comes with the poll, as ever: it is found by what it asks the vault.
    let asked = || world.vault.counters().get("shop-prod secrets.get db").copied().unwrap_or_default();
    let (count, began) = (asked(), std::time::Instant::now());
    wait_for("the next look", PATIENCE, || async { (asked() > count).then_some(()) }).await;
    assert!(began.elapsed() <= Duration::from_secs(row.seconds + 10), "{}: {:?}", row.case, began.elapsed());
    let newer = format!("{} {}", row.case, "value");
    put(world, &newer, &attributes).await;
    world.until_value("db", "value", &newer).await;
    println!(
        "{:<18} Ready=True/{:<18} Synced=True, Secret unchanged, no event,      next look after {:>2} s: warning: {said}",
        row.case, row.reason, row.seconds
    );
}

/// Writes a version with dates, which the admin interface of the vault takes.
async fn put(world: &World, value: &str, attributes: &Value) {
    let url = format!("http://{}/admin/shop-prod/secrets/db", world.vault.admin());
    let body = json!({"value": value, "attributes": attributes});
    let answer = reqwest::Client::new().put(url).json(&body).send().await.expect("the vault is there");
    assert!(answer.status().is_success(), "{}", answer.status());
}

fn first_next_try(log: &str, reason: &str) -> Option<u64> {
    let line = log.lines().find(|l| l.contains("not current") && l.contains(&format!("reason=\"{reason}\"")))?;
    let after = line.split("next_try_seconds=").nth(1)?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// An event with this reason, written or counted again since then. Events of one reason are counted together, under the
/// note of the first.
async fn event(world: &World, reason: &str, since: Timestamp) {
    wait_for(&format!("an event {reason}"), PATIENCE, || async {
        let events = world.api::<Event>().list(&Default::default()).await.ok()?;
        events
            .items
            .iter()
            .any(|e| {
                let last = e.series.as_ref().map(|s| s.last_observed_time.0).or(e.event_time.as_ref().map(|t| t.0));
                e.reason.as_deref() == Some(reason)
                    && e.type_.as_deref() == Some("Warning")
                    && last.is_some_and(|last| last >= since)
            })
            .then_some(())
    })
    .await;
}
