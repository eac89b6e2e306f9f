//! `run --service`: from a token to values.

use crate::container::{CANARY, Container, variable};
use crate::stage::{Stage, TOKEN};
use crate::vault::World;
use akv_vault::{AuthType, Settings, VaultClient};
use akv_wire::arguments::Arguments;
use akv_wire::message::{Access, Answer, RESOURCES, Refused, ResourcesAnswer};
use akv_wire::{WireValue, message};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The settings that the webhook would write, but for the token, which is a file of the test.
pub fn arguments(world: &World, stage: &Stage) -> Arguments {
    let token = world.folder.write("token", TOKEN);
    Arguments {
        container: "app".to_owned(),
        service: Some(stage.base()),
        root: stage.root(),
        token: Some(token.display().to_string()),
        ..Arguments::default()
    }
}

/// A container with these settings.
pub fn container(arguments: &Arguments, command: &[&str]) -> Container {
    let mut all = arguments.to_args();
    all.push("--".to_owned());
    all.extend(command.iter().map(|word| (*word).to_owned()));
    Container::new(all)
}

/// A token for the vault, as the service's own identity gets it.
pub async fn access(world: &World) -> Access {
    let variables = world.vault.environment("app").into_iter().collect();
    let client = VaultClient::new(Settings::new("test", AuthType::Environment, variables)).expect("settings");
    let access = client.access().await.expect("a token");
    world.vault.reset_counters();
    let token = WireValue::new(access.token.expose().to_vec());
    Access { token, expires: access.expires, vault_suffix: access.vault_suffix }
}

/// An answer with these resources.
pub fn answer(world: &World, access: Option<Access>, resources: &[(&str, Answer)]) -> ResourcesAnswer {
    let resources = resources.iter().map(|(name, answer)| ((*name).to_owned(), answer.clone())).collect();
    let authorities = Some(world.vault.ca_pem().to_owned());
    ResourcesAnswer { access, resources, plugins: BTreeMap::new(), authorities, proxy: BTreeMap::new() }
}

/// The resource of one secret.
pub fn recipe(secret: &str) -> Answer {
    Answer::Recipe { spec: spec(secret), wait: 0 }
}

pub fn spec(secret: &str) -> Value {
    json!({"vault": {"name": "shop", "object": {"name": secret, "type": "secret"}}})
}

pub fn refused(reason: &str, again: bool) -> Answer {
    Answer::Refused(Refused {
        reason: reason.to_owned(),
        message: "on purpose".to_owned(),
        retry_after: Some(1),
        again,
    })
}

pub fn values(values: &[&str], files: &[(&str, &str)]) -> Answer {
    let wire = |value: &str| WireValue::new(value.as_bytes().to_vec());
    Answer::Values {
        values: values.iter().map(|value| wire(value)).collect(),
        files: files.iter().map(|(name, value)| ((*name).to_owned(), wire(value))).collect(),
    }
}

#[tokio::test]
async fn what_the_service_answers_becomes_the_environment() {
    let world = World::usual("service").await;
    let answered = answer(
        &world,
        Some(access(&world).await),
        &[("db", recipe("db")), ("ready", values(&["whole", "part"], &[])), ("gone", recipe("gone"))],
    );
    let stage = Stage::start(move |_| answered.clone()).await;
    let arguments = Arguments { optional: vec!["gone".to_owned()], ..arguments(&world, &stage) };
    let printed = container(&arguments, &["env", "-0"])
        .variable("A", "db@azurekeyvault")
        .variable("B", "${ready@azurekeyvault}-${ready@azurekeyvault?key}")
        .variable("C", "gone@azurekeyvault")
        .run()
        .await
        .good();
    assert_eq!((variable(&printed, "A"), variable(&printed, "B")), (Some(CANARY), Some("whole-part")));
    assert_eq!(variable(&printed, "C"), None, "an optional one that does not exist is left out");
    // The token went with the very first request: nobody was asked where to get one.
    assert_eq!(world.vault.counters().get("shop secrets.get db"), Some(&1), "{:?}", world.vault.counters());
    assert!(!printed.contains(TOKEN));
}

#[tokio::test]
async fn nothing_to_do_asks_nobody() {
    let world = World::usual("service-nothing").await;
    let stage = Stage::start(|_| panic!("nobody asks")).await;
    let printed = container(&arguments(&world, &stage), &["env", "-0"]).variable("A", r"\db@azurekeyvault").run().await;
    assert_eq!(variable(&printed.good(), "A"), Some("db@azurekeyvault"));
    assert!(stage.asked().is_empty());
}

#[tokio::test]
async fn a_refusal_ends_it_with_its_reason_and_what_may_come_later_is_asked_for_again() {
    let world = World::usual("service-refused").await;
    let answered = answer(&world, None, &[("db", refused("AccessDenied", false))]);
    let stage = Stage::start(move |_| answered.clone()).await;
    let line =
        container(&arguments(&world, &stage), &["true"]).variable("A", "db@azurekeyvault").run().await.failure(1);
    assert_eq!(line, "resource db: AccessDenied: on purpose");

    let tries = std::sync::atomic::AtomicU32::new(0);
    let (first, then) = (refused("ResourceNotFound", true), values(&["late"], &[]));
    let (first, then) = (answer(&world, None, &[("db", first)]), answer(&world, None, &[("db", then)]));
    let stage = Stage::start(move |_| {
        let earlier = tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if earlier < 2 { first.clone() } else { then.clone() }
    })
    .await;
    let printed = container(&arguments(&world, &stage), &["env", "-0"]).variable("A", "db@azurekeyvault").run().await;
    assert_eq!(variable(&printed.good(), "A"), Some("late"));
    assert_eq!(stage.asked().iter().filter(|path| *path == RESOURCES).count(), 3);
}

#[tokio::test]
async fn a_service_without_credentials_or_without_an_answer_is_named() {
    let world = World::usual("service-empty").await;
    for (answered, expected) in [
        (answer(&world, None, &[("db", recipe("db"))]), "gave no credentials"),
        (answer(&world, None, &[]), "resource db: the auth service did not answer for it"),
        (answer(&world, None, &[("db", values(&[], &[]))]), "was not answered"),
    ] {
        let stage = Stage::start(move |_: &message::ResourcesRequest| answered.clone()).await;
        let container = container(&arguments(&world, &stage), &["true"]).variable("A", "db@azurekeyvault");
        let line = container.run().await.failure(1);
        assert!(line.contains(expected), "{line}");
    }
}
