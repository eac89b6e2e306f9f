//! Custom plugins: compiled by the service, run in the container, or run by the service.

use crate::container::variable;
use crate::service::{access, answer, arguments, container, recipe, values};
use crate::stage::Stage;
use crate::vault::World;
use akv_wire::arguments::Arguments;
use akv_wire::message::{Answer, Plugin, ResourcesAnswer};
use serde_json::json;
use std::collections::BTreeMap;

/// A default plugin under another name stands for a custom one; the service has compiled it.
fn compiled(name: &str) -> (String, Vec<u8>) {
    let artifact = akv_plugin::compile(akv_defaults::wasm(name).expect("a default")).expect("it compiles");
    (artifact.digest().to_owned(), artifact.to_bytes())
}

fn plugin(digest: &str) -> Plugin {
    Plugin {
        digest: digest.to_owned(),
        config: serde_json::Map::new(),
        memory: 16 << 20,
        fuel: 1 << 30,
        output: 1 << 20,
    }
}

/// A resource whose value goes through the plugin `custom`.
fn through() -> Answer {
    let spec = json!({
        "vault": {"name": "shop", "object": {"name": "db", "type": "secret"}},
        "output": {"pipeline": [{"plugin": "custom"}]},
    });
    Answer::Recipe { spec, wait: 0 }
}

async fn with_plugin(world: &World, digest: &str) -> ResourcesAnswer {
    let answered = answer(world, Some(access(world).await), &[("db", through()), ("plain", recipe("db"))]);
    ResourcesAnswer { plugins: BTreeMap::from([("custom".to_owned(), plugin(digest))]), ..answered }
}

/// What `V` becomes where the service knows `served` under `named`, and would render "by the service" itself.
async fn value(name: &str, named: &str, served: Option<(&str, Vec<u8>)>, pinned: &str) -> Result<String, String> {
    let world = World::with(name, &[("db", " padded ")]).await;
    let recipes = with_plugin(&world, named).await;
    let given = answer(&world, None, &[("db", values(&["by the service"], &[]))]);
    let plugins = served.map(|(digest, bytes)| (digest.to_owned(), bytes));
    let answers = move |request: &akv_wire::message::ResourcesRequest| {
        if request.engine == akv_plugin::made_for::ENGINE { recipes.clone() } else { given.clone() }
    };
    let stage = Stage::with_plugins(answers, plugins).await;
    let plugins = BTreeMap::from([("custom".to_owned(), pinned.to_owned())]);
    let arguments = Arguments { plugins, ..arguments(&world, &stage) };
    let ended = container(&arguments, &["env", "-0"])
        .variable("V", "db@azurekeyvault")
        .variable("P", "plain@azurekeyvault")
        .run()
        .await;
    if ended.code() != Some(0) {
        return Err(ended.failure(1));
    }
    let printed = ended.good();
    assert_eq!(variable(&printed, "P"), Some(" padded "), "{name}: other resources are made here");
    Ok(variable(&printed, "V").expect("a value").to_owned())
}

#[tokio::test]
async fn a_plugin_of_this_engine_runs_in_the_container() {
    let (digest, bytes) = compiled("trim");
    assert_eq!(value("plugin", &digest, Some((&digest, bytes)), &digest).await.as_deref(), Ok("padded"));
}

#[tokio::test]
async fn bytes_of_another_plugin_are_refused() {
    let ((trim, _), (_, other)) = (compiled("trim"), compiled("base64encode"));
    let line = value("plugin-other", &trim, Some((&trim, other)), &trim).await.expect_err("refused");
    assert!(line.contains("plugin custom: the auth service gave the bytes of") && line.contains(&trim), "{line}");
}

#[tokio::test]
async fn what_cannot_run_here_is_asked_for_as_values() {
    let (digest, bytes) = compiled("trim");
    let by_service = Ok("by the service");
    assert_eq!(value("plugin-gone", &digest, None, &digest).await.as_deref(), by_service, "404");
    let junk = value("plugin-junk", &digest, Some((&digest, b"junk".to_vec())), &digest).await;
    assert_eq!(junk.as_deref(), by_service, "another engine's code");
    let pinned = "0".repeat(64);
    let replaced = value("plugin-replaced", &digest, Some((&digest, bytes)), &pinned).await;
    assert_eq!(replaced.as_deref(), by_service, "replaced since admission");
}

#[tokio::test]
async fn a_service_that_never_gives_values_is_not_asked_for_ever() {
    let world = World::with("plugin-never", &[("db", "x")]).await;
    let (digest, _) = compiled("trim");
    let recipes = with_plugin(&world, &digest).await;
    let stage = Stage::start(move |_| recipes.clone()).await;
    let container = container(&arguments(&world, &stage), &["true"]).variable("V", "db@azurekeyvault");
    let line = container.run().await.failure(1);
    assert!(line.contains("plugins for db that cannot run here"), "{line}");
    let named = with_plugin(&world, "../../etc").await;
    let stage = Stage::start(move |_| named.clone()).await;
    let container = crate::service::container(&arguments(&world, &stage), &["true"]).variable("V", "db@azurekeyvault");
    let line = container.run().await.failure(1);
    assert!(line.contains("no digest"), "{line}");
}
