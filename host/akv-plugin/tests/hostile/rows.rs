//! Every row of the tables, and that nothing of it is left.

use crate::attempt::{CANARY, Ending, object, prepare, target};
use crate::guest::{Expected, Into, Kind, component, rows};
use crate::{alone, attempt, memory};
use akv_core::SecretValue;
use akv_plugin::{Engine, Plugin, compile};
use serde_json::Map;

fn good(engine: &Engine, kind: Kind) -> Plugin {
    let artifact = compile(&component(kind, None, "")).expect("a good plugin compiles");
    engine.load(attempt::name("good"), &artifact).expect("a good plugin loads")
}

/// A good plugin does its work.
fn well(transform: &Plugin, output: &Plugin) -> bool {
    let value = || SecretValue::new(CANARY.as_bytes().to_vec());
    let (config, object) = (Map::new(), object(value()));
    let transformed = transform.apply(&config, &value()).is_ok_and(|v| v.expose() == CANARY.as_bytes());
    let rendered = output.render(&config, &target(Into::Secret), &[], std::slice::from_ref(&object));
    transformed
        && rendered.is_ok_and(
            |entries| matches!(&entries[..], [one] if one.key == "v" && one.value.expose() == CANARY.as_bytes()),
        )
}

#[test]
fn every_hostile_plugin_ends_as_its_row_says_and_a_good_one_works_after_it() {
    let _alone = alone();
    let engine = Engine::new().expect("the engine starts");
    let (transform, output) = (good(&engine, Kind::Transform), good(&engine, Kind::Output));
    assert!(well(&transform, &output), "the good plugins work at all");
    let mut wrong = Vec::new();
    let rows = rows();
    // A bomb goes off in a compiler that may be killed: `tests/it/hostile.rs`.
    for row in rows.iter().filter(|row| !row.bombs_the_compiler()) {
        let (prepared, first) = prepare(&engine, row);
        let ending = if matches!(first, Ending::Well) { prepared.attempt(&engine, row) } else { first };
        let (as_expected, said) = match (&row.expect, &ending) {
            (Expected::Refused { refused }, Ending::Refused(why)) => (why.contains(refused.as_str()), why.clone()),
            (Expected::Failed { blame, code }, Ending::Failed(fault)) => (
                fault.blame.as_str() == blame && &fault.code == code && fault.plugin.as_str() == row.name,
                format!("{}: {fault}", fault.blame.as_str()),
            ),
            (_, ending) => (false, format!("{ending:?}")),
        };
        println!("{:<36} {said}", row.name);
        if !as_expected {
            wrong.push(format!("{}: {:?} was expected, not {said}", row.name, row.expect));
        }
        if said.contains(CANARY) || said.chars().any(char::is_control) || said.len() > 1000 {
            wrong.push(format!("{}: it says what it must not: {said:?}", row.name));
        }
        if !well(&transform, &output) {
            wrong.push(format!("{}: a good plugin no longer works", row.name));
        }
    }
    println!("{} rows, {} KiB in use", rows.len(), memory::resident() >> 10);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows.len() > 60, "{} rows", rows.len());
}

#[test]
fn a_name_without_end_is_cut_and_nobody_goes_by_it() {
    let _alone = alone();
    let engine = Engine::new().expect("the engine starts");
    let body = "(drop (memory.grow (i32.const 20)))
        (memory.fill (i32.const 8192) (i32.const 0x61) (i32.const 1000000))
        (drop (call $info (i32.const 0) (i32.const 0)))
        (i32.store (i32.const 1024) (i32.const 8192))
        (i32.store offset=4 (i32.const 1024) (i32.const 1000000))
        (i32.const 1024)";
    let artifact = compile(&component(Kind::Transform, Some(("describe", body)), "")).expect("it compiles");
    let plugin = engine.load(attempt::name("mine"), &artifact).expect("it loads");
    assert_eq!((plugin.name().as_str(), plugin.info().name.len()), ("mine", 64));
}
