//! After a call the value is nowhere in this process.

use crate::attempt::{limits, name, object, target};
use crate::guest::{FUEL, Into, Kind, component};
use crate::scan::{REPEATS, copies};
use crate::{alone, scan};
use akv_plugin::{Engine, Plugin, compile};
use serde_json::Map;

/// Spreads the value over the guest's memory, also through its registers, byte by byte.
const SPREAD: &str = "(func $spread (param $from i32) (param $length i32)
    (local $index i32)
    (memory.copy (i32.const 16384) (local.get $from) (local.get $length))
    (memory.copy (i32.const 24576) (local.get $from) (local.get $length))
    (loop $again
      (i32.store8 (i32.add (i32.const 32768) (local.get $index))
        (i32.load8_u (i32.add (local.get $from) (local.get $index))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $index) (local.get $length)))))";

/// What a guest does after it has spread the value, and the code that the host gives it; `VALUE` stands for the address
/// and the length of the value.
const ENDS: [(&str, &str, Option<&str>); 9] = [
    ("answers", "(call $answer VALUE)", None),
    ("traps", "(unreachable)", Some("trap")),
    ("runs out of fuel", "(loop $again (call $spread VALUE) (br $again)) (unreachable)", Some("out-of-fuel")),
    ("runs out of memory", "(drop (memory.grow (i32.const 65000))) (unreachable)", Some("out-of-memory")),
    ("overflows the stack", "(call $deeper)", Some("stack-overflow")),
    (
        "fails and tells the value",
        "(call $fail (i32.const 1) (i32.const 64) (i32.const 10) VALUE VALUE)",
        Some("as-ordered"),
    ),
    (
        "fails with the value as code",
        "(call $fail (i32.const 1) VALUE (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
        Some("invalid-code"),
    ),
    ("returns too much", "(drop (memory.grow (i32.const 30))) (call $answer_much VALUE)", Some("output-too-large")),
    (
        "returns no shape",
        "(drop (call $answer VALUE)) (i32.store8 (i32.const 1024) (i32.const 7)) (i32.const 1024)",
        Some("broken-answer"),
    ),
];

/// How the value is returned, as bytes or as an entry.
const ANSWERS: [(Kind, &str, &str, &str); 2] = [
    (
        Kind::Transform,
        "apply",
        "(local.get $input) (local.get $input_length)",
        "(func $answer (param i32 i32) (result i32) (call $list (local.get 0) (local.get 1)))
         (func $answer_much (param i32 i32) (result i32) (call $list (local.get 0) (i32.const 1500000)))",
    ),
    (
        Kind::Output,
        "render",
        "(i32.load offset=76 (local.get $objects)) (i32.load offset=80 (local.get $objects))",
        "(func $answer (param i32 i32) (result i32)
           (call $entry (i32.const 0) (i32.const 48) (i32.const 1) (local.get 0) (local.get 1))
           (call $list (i32.const 2048) (i32.const 1)))
         (func $answer_much (param i32 i32) (result i32)
           (call $entry (i32.const 0) (i32.const 48) (i32.const 1) (local.get 0) (i32.const 1500000))
           (call $list (i32.const 2048) (i32.const 1)))",
    ),
];

fn load(engine: &Engine, kind: Kind, function: &str, body: &str, items: &str) -> Plugin {
    let artifact = compile(&component(kind, Some((function, body)), items)).expect("it compiles");
    engine.load(name("residue"), &artifact).expect("it loads").with_limits(limits(FUEL))
}

/// Calls `plugin` with a canary; returns how often it was found while it was held, and the code of the failure.
fn call(plugin: &Plugin, kind: Kind) -> (usize, Option<String>) {
    let (config, value) = (Map::new(), scan::value());
    if kind == Kind::Transform {
        let result = plugin.apply(&config, &value);
        return (copies(), result.err().map(|fault| fault.code));
    }
    let objects = [object(value)];
    let result = plugin.render(&config, &target(Into::Secret), &[], &objects);
    (copies(), result.err().map(|fault| fault.code))
}

#[test]
fn after_a_call_the_value_is_nowhere_in_our_memory() {
    let _alone = alone();
    let engine = Engine::new().expect("the engine starts");
    assert_eq!(copies(), 0, "it is not there before");
    let mut left = Vec::new();
    for (kind, function, value, answers) in ANSWERS {
        let deeper = "(func $deeper (result i32) (i32.add (call $deeper) (i32.const 1)))";
        for (what, end, code) in ENDS {
            let body = format!("(call $spread VALUE) {end}").replace("VALUE", value);
            let plugin = load(&engine, kind, function, &body, &format!("{SPREAD}{deeper}{answers}"));
            let (held, failed) = call(&plugin, kind);
            let after = copies();
            println!("{function:<6} {what:<30} {held} while held, {after} after");
            assert_eq!(failed.as_deref(), code, "{function} {what}");
            // The control: what the caller holds is found, its own copy and, if all went well, the answer.
            let least = if code.is_none() { 2 * REPEATS } else { REPEATS };
            assert!(held >= least, "{function} {what}: a value that is held was found {held} times");
            if after != 0 {
                left.push(format!("{function} {what}: {after}"));
            }
        }
    }
    println!("{} bytes looked at, {} mappings", scan::looked_at().0, scan::looked_at().1);
    assert!(left.is_empty(), "copies are left: {left:#?}");
}

/// A key, too, may be a value.
#[test]
fn after_a_refused_key_the_value_is_nowhere_in_our_memory() {
    let _alone = alone();
    let engine = Engine::new().expect("the engine starts");
    let value = ANSWERS[1].2;
    for (what, key, code) in [
        ("a bad key", format!("(call $entry (i32.const 0) {value} (i32.const 48) (i32.const 1))"), "bad-key"),
        (
            "a bad key after a value",
            format!(
                "(call $entry (i32.const 0) (i32.const 48) (i32.const 1) {value})
                 (call $entry (i32.const 1) {value} {value})"
            ),
            "bad-key",
        ),
        (
            // wasmtime has made a list of the first entry when it meets the second, and drops it.
            "no key at all after a value",
            format!(
                "(call $entry (i32.const 0) (i32.const 48) (i32.const 1) {value})
                 (call $entry (i32.const 1) (i32.const -8) (i32.const 1) {value})"
            ),
            "broken-answer",
        ),
    ] {
        let body = format!("{key} (call $list (i32.const 2048) (i32.const {}))", key.matches("$entry").count());
        let plugin = load(&engine, Kind::Output, "render", &body, "");
        let (held, failed) = call(&plugin, Kind::Output);
        let after = copies();
        println!("render {what:<30} {held} while held, {after} after");
        assert_eq!(failed.as_deref(), Some(code), "{what}");
        assert!(held >= REPEATS && after == 0, "{what}: {held} while held, {after} after");
    }
}
