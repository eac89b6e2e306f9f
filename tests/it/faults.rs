//! Vault trouble: what the resource says, when it is tried again, and that the target keeps what it had.

use akv_tests::world::PATIENCE;
use akv_tests::{World, wait_for};
use k8s_openapi::api::events::v1::Event;
use serde::Deserialize;

/// The poll period of these tests, in seconds: what needs a person is looked at after it.
const POLL: &str = "3";

/// A row of `tests/data/faults.yaml`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    case: String,
    fault: Option<serde_json::Value>,
    act: Option<String>,
    /// A new controller, whose first token request meets the fault.
    #[serde(default)]
    fresh: bool,
    /// Only an edit brings the next look within the patience of a test.
    #[serde(default)]
    edit: bool,
    reason: String,
    seconds: u64,
}

#[tokio::test]
async fn every_kind_of_trouble_is_named_keeps_the_target_and_passes() {
    let text = include_str!("../data/faults.yaml");
    let rows: Vec<Row> = serde_yaml_ng::from_str(text).expect("the table is readable");
    let mut world =
        World::start("faults", "  secrets: [{name: db, value: before}]\n", &["--azure-resync-period", POLL]).await;
    world.apply_secret("db", "db", "{secret: {name: db, dataKey: value}}").await;
    world.until("db", "Synced").await;
    for (round, row) in rows.iter().enumerate() {
        let before = world.secret("db").await.expect("it is there");
        let logged = world.controller.log().len();
        if let Some(fault) = &row.fault {
            world.vault.add_fault(serde_json::from_value(fault.clone()).expect("the fault is readable"));
        }
        match row.act.as_deref() {
            Some("disable") => world.vault.change("shop-prod", "secrets", "db", "disable"),
            Some("delete") => world.vault.change("shop-prod", "secrets", "db", "delete"),
            _ => {}
        }
        let mut logged = logged;
        if row.fresh {
            assert!(world.controller.stop(), "{}: the controller ends by itself", row.case);
            world.controller = world.another_controller().await;
            logged = 0;
        }
        let condition = world.until("db", &row.reason).await;
        assert_eq!(condition.status, "False", "{}", row.case);
        let synced = world.condition("db", "Synced").await.expect("it has both");
        assert_eq!(synced.status, "True", "{}: the target holds what was read last", row.case);
        let after = world.secret("db").await.expect("it is there");
        assert_eq!(
            before.metadata.resource_version, after.metadata.resource_version,
            "{}: the target was written",
            row.case
        );
        let next = first_next_try(&world.controller.log()[logged..], &row.reason);
        assert_eq!(next, Some(row.seconds), "{}: the next try", row.case);
        event(&world, &row.reason).await;
        println!("{:<20} {:<18} next try after {:>3} s: {}", row.case, row.reason, row.seconds, condition.message);

        world.vault.clear_faults();
        let value = format!("after {round}");
        if row.act.as_deref() == Some("delete") {
            world.vault.change("shop-prod", "secrets", "db", "recover");
        }
        world.vault.set_secret("shop-prod", "db", &value);
        if row.edit {
            // An edit of the resource is looked at at once, whatever the vault asked for.
            world
                .apply_secret(
                    "db",
                    "db",
                    &format!("{{secret: {{name: db, dataKey: value, metadata: {{labels: {{round: r{round}}}}}}}}}"),
                )
                .await;
        }
        world.until("db", "Synced").await;
        world.until_value("db", "value", &value).await;
    }
}

fn first_next_try(log: &str, reason: &str) -> Option<u64> {
    let line = log.lines().find(|l| l.contains("not current") && l.contains(&format!("reason=\"{reason}\"")))?;
    let after = line.split("next_try_seconds=").nth(1)?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

async fn event(world: &World, reason: &str) {
    wait_for(&format!("an event {reason}"), PATIENCE, || async {
        let events = world.api::<Event>().list(&Default::default()).await.ok()?;
        events
            .items
            .iter()
            .any(|e| e.reason.as_deref() == Some(reason) && e.type_.as_deref() == Some("Warning"))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_vault_with_another_ca_is_not_trusted() {
    let other = World::start("other-ca", "  secrets: [{name: db, value: x}]\n", &[]).await;
    let mut environment = other.vault.environment("controller");
    environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
    let mine = World::start("wrong-ca", "  secrets: [{name: db, value: x}]\n", &[]).await;
    let ca =
        mine.vault.environment("controller").into_iter().find(|(k, _)| k == "SSL_CERT_FILE").expect("it names its CA");
    environment.retain(|(k, _)| k != "SSL_CERT_FILE");
    environment.push(ca);
    let namespace = other.namespace.cluster().namespace("wrong-ca", &[]).await;
    let _controller = akv_tests::Controller::start(&namespace, &environment, &[]).await;
    let manifest = "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {name: db}\nspec:\n  vault: {name: shop-prod, object: {name: db, type: secret}}\n  output: {secret: {name: db, dataKey: value}}\n";
    namespace.apply(manifest).await.expect("it is accepted");
    let api = kube::Api::<akv_api::AzureKeyVaultSecret>::namespaced(other.client(), namespace.name());
    let message = wait_for("the resource to be refused", PATIENCE, || async {
        let status = api.get_opt("db").await.ok()??.status?;
        status.conditions?.into_iter().find(|c| c.type_ == "Ready" && c.status == "False").map(|c| c.message)
    })
    .await;
    assert!(message.contains("certificate"), "{message}");
}
