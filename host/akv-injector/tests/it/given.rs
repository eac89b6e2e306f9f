//! `--resources FILE`: references, escapes, and how often the vault is asked.

use crate::container::{CANARY, variable, variables};
use crate::vault::World;
use serde_json::json;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[tokio::test]
async fn references_become_values_and_everything_else_stays() {
    let world = World::with("given", &[("db", "jo:secret"), ("marked", "x@azurekeyvault")]).await;
    let object = |name: &str| json!({"vault": {"name": "shop", "object": {"name": name, "type": "secret"}}});
    world.resources(&[("db", object("db")), ("marked", object("marked"))]);
    let container = world
        .container(&["env", "-0"])
        .variable("WHOLE", "db@azurekeyvault")
        .variable("BARE", "db@azurekeyvault?")
        .variable("INLINE", "u=${db@azurekeyvault?username}&p=${db@azurekeyvault?password}")
        .variable("ESCAPED", r"\db@azurekeyvault")
        .variable("ESCAPED_INLINE", r"\${db@azurekeyvault}")
        .variable("MARKED", "marked@azurekeyvault")
        .variable("PLAIN", "mail@azurekeyvault.example")
        .variable("EMPTY", "")
        .variable("BYTES", OsStr::from_bytes(b"\xff\xfe@azurekeyvault"));
    let ended = container.run().await;
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr());
    let printed = ended.stdout();
    let check = |name: &str, value: &str| assert_eq!(variable(&printed, name), Some(value), "{name}");
    check("WHOLE", "jo:secret");
    check("BARE", "jo:secret");
    check("INLINE", "u=jo&p=secret");
    check("ESCAPED", "db@azurekeyvault");
    check("ESCAPED_INLINE", "${db@azurekeyvault}");
    check("MARKED", "x@azurekeyvault");
    check("PLAIN", "mail@azurekeyvault.example");
    check("EMPTY", "");
    check("BYTES", "\u{fffd}\u{fffd}@azurekeyvault");
    // 9 of ours, PATH, and what the vault gave.
    assert_eq!(variables(&printed).len(), 10 + world.vault.environment("app").len());
}

#[tokio::test]
async fn an_object_is_read_once_however_many_refer_to_it() {
    let world = World::usual("once").await;
    let object = json!({"vault": {"name": "SHOP", "object": {"name": "DB", "type": "secret"}}});
    let own = json!({"vault": {"name": "shop", "object": {"name": "db", "type": "secret"}}});
    world.resources(&[("db", own), ("again", object)]);
    let mut container = world.container(&["true"]).variable("AGAIN", "again@azurekeyvault");
    for n in 0..20 {
        container = container.variable(format!("V{n}"), "a${db@azurekeyvault}b${db@azurekeyvault}");
    }
    container.run().await.good();
    // The SDK asks once without a token, to be told where to get one.
    assert!(world.reads() <= 2, "{:?}", world.vault.counters());
}

#[tokio::test]
async fn nothing_to_do_is_done_at_once_without_the_file() {
    let world = World::usual("nothing").await;
    let container = crate::container::Container::given("/no/such/file".as_ref(), &["env", "-0"]);
    let printed = container.variable("ESCAPED", r"\db@azurekeyvault").variable("A", "1").run().await.good();
    assert_eq!(variables(&printed).len(), 3);
    assert_eq!(variable(&printed, "ESCAPED"), Some("db@azurekeyvault"));
    assert!(world.vault.counters().is_empty());
}

#[tokio::test]
async fn several_objects_are_told_apart_by_the_query() {
    let world = World::with("several", &[("one", CANARY), ("two", "2")]).await;
    let objects = json!([{"as": "a", "name": "one", "type": "secret"}, {"as": "b", "name": "two", "type": "secret"}]);
    world.resources(&[("both", json!({"vault": {"name": "shop", "objects": objects}}))]);
    let printed = world.container(&["env", "-0"]).variable("B", "both@azurekeyvault?b").run().await.good();
    assert_eq!(variable(&printed, "B"), Some("2"));
    let line = world.container(&["true"]).variable("B", "both@azurekeyvault").run().await.failure(1);
    assert!(line.contains("a, b") || line.contains("no-query"), "{line}");
}
