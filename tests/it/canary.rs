//! A value that must be in its target and nowhere else.

use akv_tests::World;
use k8s_openapi::api::events::v1::Event;

const CANARY: &str = "canary-5b1f0e7a9c3d";

#[tokio::test]
async fn a_value_is_in_its_target_and_nowhere_else() {
    let objects = format!(
        "  secrets:\n  - {{name: plain, value: '{CANARY}'}}\n  - {{name: json, value: '{{\"a\": \"{CANARY}'}}\n"
    );
    let world = World::start("canary", &objects, &["--azure-resync-period", "1", "--log-level", "trace"]).await;
    world.apply_secret("good", "plain", "{secret: {name: good, dataKey: v}}").await;
    world.until_value("good", "v", CANARY).await;
    // Everything that can go wrong beside a value: a transform, a template, a parser, a bad key, a refused target.
    world.apply_secret("transform", "plain", "{transform: [base64decode], secret: {name: a, dataKey: v}}").await;
    world
        .apply_secret(
            "field",
            "json",
            "{pipeline: [{plugin: json-field, config: {pointer: /a}}], secret: {name: b, dataKey: v}}",
        )
        .await;
    world.apply_secret("tls", "plain", "{secret: {name: c, type: kubernetes.io/tls}}").await;
    world.apply_secret("docker", "plain", "{secret: {name: d, type: kubernetes.io/dockerconfigjson}}").await;
    world
        .apply_secret(
            "template",
            "plain",
            "{files: [{path: f, template: \"{{ objects.plain.value.nothing.more }}\"}], secret: {name: e}}",
        )
        .await;
    for (resource, reason) in [
        ("transform", "InvalidInput"),
        ("field", "InvalidInput"),
        ("tls", "InvalidInput"),
        ("docker", "TargetRefused"),
        ("template", "InvalidInput"),
    ] {
        world.until(resource, reason).await;
    }
    let mut places = vec![("log", world.controller.log()), ("metrics", world.controller.metrics().await)];
    let resources = world.api::<akv_api::AzureKeyVaultSecret>().list(&Default::default()).await.expect("a list");
    places.push(("resources", serde_json::to_string(&resources.items).expect("JSON")));
    let events = world.api::<Event>().list(&Default::default()).await.expect("a list");
    assert!(events.items.len() >= 6, "there are events to look at");
    places.push(("events", serde_json::to_string(&events.items).expect("JSON")));
    let encoded = "Y2FuYXJ5LTViMWYwZTdhOWMzZ";
    for (place, text) in places {
        assert!(text.len() > 100, "{place} is empty");
        assert!(!text.contains(CANARY) && !text.contains(encoded), "the value is in the {place}");
    }
}
