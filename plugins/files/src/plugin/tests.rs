//! Check beside render: what is refused could not have been rendered, and what is accepted and good can.

use super::*;

fn object(alias: &str, kind: &str, private: &[u8]) -> Object {
    Object {
        description: Description {
            alias: alias.into(),
            kind: kind.into(),
            attributes: vec![("content-type".into(), "application/x-yaml".into())],
        },
        private: Some(private.to_vec()),
        ..Object::default()
    }
}

fn objects() -> Vec<Object> {
    vec![
        object("db", "secret", b"v"),
        object("with-dash", "secret", b"w"),
        object("raw", "secret", b"\xff\xfe"),
        object("multi", "multi-key-value-secret", b"a: b\nbin: !!binary /w=="),
    ]
}

/// Code and place.
type Said = (&'static str, String);

/// What check says, and what render says or writes.
fn run(template: &str) -> (Result<(), Said>, Result<String, Said>) {
    let config = serde_json::json!({"files": [{"path": "f", "template": template}]}).to_string();
    let target = Target { kind: "secret".into(), ..Target::default() };
    let descriptions: Vec<_> = objects().into_iter().map(|o| o.description).collect();
    let word = |fault: Fault| (fault.code, fault.at.unwrap_or_default());
    let rendered = super::render(&config, &target, &objects()).map_err(word);
    let text = rendered.map(|entries| String::from_utf8(entries[0].1.clone()).expect("a file of text"));
    (check(&config, &target, &descriptions).map_err(word), text)
}

#[test]
fn a_template_that_guards_itself_is_accepted_and_rendered() {
    for (template, expected) in [
        ("{% if objects.none is defined %}{{ objects.none.value }}{% else %}-{% endif %}", "-"),
        ("{% if objects.none is undefined %}-{% else %}{{ objects.none.value }}{% endif %}", "-"),
        ("{% if 'none' in objects %}{{ objects.none.value }}{% endif %}", ""),
        ("{{ objects.none.value if objects.none is defined else '-' }}", "-"),
        ("{% if objects.none is defined and objects.none.value %}x{% endif %}", ""),
        ("{{ objects.none is undefined or objects.none.value }}", "True"),
        ("{{ objects.none|default('-') }}", "-"),
        ("{{ objects.db.nothing|default('-') }}", "-"),
        ("{{ (objects.none|default(objects.db)).value }}", "v"),
        ("{{ port|default('5432') }}", "5432"),
        ("{% if port is defined %}{{ port }}{% endif %}", ""),
        ("{% if objects %}x{% endif %}", "x"),
        ("{% if not objects %}{{ objects.none.value }}{% endif %}", ""),
        ("{% if objects|length > 9 %}{{ objects.none.value }}{% endif %}", ""),
        ("{% if objects.db.value == 'v' %}{{ objects['with-dash'].value }}{% endif %}", "w"),
        ("{% for i in range(2) %}{{ i }}{% endfor %}", "01"),
        ("{% for i in [] %}{{ objects.none.value }}{% endfor %}", ""),
        ("{% for k in objects.multi['values'] if k == 'a' %}{{ objects.multi['values'][k] }}{% endfor %}", "b"),
        ("{% for k, o in objects|items %}{{ k }} {% endfor %}", "db multi raw with-dash "),
        ("{% set o = objects %}{{ o.db.value }}", "v"),
        ("{% set objects = {'none': {'value': 1}} %}{{ objects.none.value }}", "1"),
        ("{% if false %}{{ objects.none.value|nope }}{% endif %}", ""),
        ("{% if 'nope' is filter %}{{ 'x'|nope }}{% endif %}", ""),
        ("{% set n = namespace(x=1) %}{% set n.x = 2 %}{{ n.x }}", "2"),
        ("{{ [objects.none]|length }}", "1"),
        ("{% filter upper %}{{ objects.db.value }}{% endfilter %}", "V"),
        ("{% with x = objects.db.value %}{{ x }}{% endwith %}", "v"),
        ("{{ dict(a=1).a }}", "1"),
        ("{{ objects.raw.base64 }} {{ objects.multi.base64.bin }}", "//4= /w=="),
    ] {
        let (checked, rendered) = run(template);
        assert_eq!(checked, Ok(()), "{template}");
        assert_eq!(rendered.as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn what_check_refuses_could_not_be_rendered() {
    for (template, code, place) in [
        ("{{ objects.none.value }}", "unknown-name", "f:1"),
        ("\n{{ objects['none'].value }}", "unknown-name", "f:2"),
        ("{{ objects.none.value|default('-') }}", "unknown-name", "f:1"),
        ("{{ objects.none }}", "unknown-name", "f:1"),
        ("{{ objects.none|upper }}", "unknown-name", "f:1"),
        ("{% if objects.none %}x{% endif %}", "unknown-name", "f:1"),
        ("{% for x in objects.none %}x{% endfor %}", "unknown-name", "f:1"),
        ("{{ port }}", "unknown-name", "f:1"),
        ("{{ port.of }}", "unknown-name", "f:1"),
        ("{{ nope() }}", "unknown-name", "f:1"),
        ("{{ objects.db.value|nope }}", "unknown-filter", "f:1"),
        ("{% filter nope %}x{% endfilter %}", "unknown-filter", "f:1"),
        ("{% set x = 'a'|nope %}", "unknown-filter", "f:1"),
        ("a\nb {{ objects.db.value is nope }}", "unknown-test", "f:2"),
        ("{% if objects.db.value %}\n{{ objects.db.value|nope }}{% endif %}", "unknown-filter", "f:2"),
        ("{% if objects.db.value is defined %}{{ 'x'|nope }}{% endif %}", "unknown-filter", "f:1"),
        ("{% for k in objects %}{{ k|nope }}{% endfor %}", "unknown-filter", "f:1"),
        ("{% for i in [1] %}{{ i|nope }}{% endfor %}", "unknown-filter", "f:1"),
        ("{% if true %}{{ objects.none.value }}{% endif %}", "unknown-name", "f:1"),
        ("{{ 'x'|nope if objects.db.value else 'y' }}", "unknown-filter", "f:1"),
        ("{{ objects.db.value", "bad-template", "f:1"),
    ] {
        let (checked, rendered) = run(template);
        assert_eq!(checked, Err((code, place.to_owned())), "{template}");
        assert!(rendered.is_err(), "{template}");
    }
}

#[test]
fn bytes_that_are_no_text_are_the_fault_of_their_object() {
    for (template, alias) in [
        ("{{ objects.raw.value }}", "raw"),
        ("{{ objects.raw.value|default('x') }}", "raw"),
        ("{{ objects.multi['values'].bin }}", "multi"),
        ("{% for k, v in objects.multi['values']|items %}{{ v }}{% endfor %}", "multi"),
        ("{{ objects.multi['values'] }}", "multi"),
        ("{{ [objects.multi] }}", "multi"),
        ("{{ 'a' ~ objects.raw.value|upper }}", "raw"),
    ] {
        let (checked, rendered) = run(template);
        assert_eq!(checked, Ok(()), "{template}");
        assert_eq!(rendered, Err(("not-text", alias.to_owned())), "{template}");
    }
}
