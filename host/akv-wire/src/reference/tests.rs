use super::*;
use proptest::prelude::*;

/// The parts as text: `<…>` is a reference.
fn parts(value: &str) -> Option<String> {
    let show = |piece: &Piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Reference(reference) => format!("<{reference}>"),
    };
    Text::parse(value).map(|text| text.pieces().iter().map(show).collect())
}

fn check(value: &str, expected: Option<&str>) {
    assert_eq!(parts(value).as_deref(), expected, "{value:?}");
}

#[test]
fn a_whole_value_is_a_reference_as_in_the_original() {
    check("db@azurekeyvault", Some("<db@azurekeyvault>"));
    check("db@azurekeyvault?user", Some("<db@azurekeyvault?user>"));
    check("db@azurekeyvault?tls.key", Some("<db@azurekeyvault?tls.key>"));
    check("db@azurekeyvault?", Some("<db@azurekeyvault>"));
    check("shop.db-1@azurekeyvault?a-b_c", Some("<shop.db-1@azurekeyvault?a-b_c>"));
}

#[test]
fn what_does_not_follow_the_grammar_is_text() {
    for value in [
        "",
        "secret-no-inject",
        "@azurekeyvault",
        "-db@azurekeyvault",
        "db-@azurekeyvault",
        "a b@azurekeyvault",
        "db@azurekeyvaultx",
        "db@azurekeyvault?a b",
        "db@azurekeyvault?a/b",
        " db@azurekeyvault",
        "db@azurekeyvault\n",
        "db@AZUREKEYVAULT",
        "${db}@azurekeyvault",
        "${ db@azurekeyvault }",
        "${db@azurekeyvault",
        "$(db@azurekeyvault)",
        "x-${db@azurekeyvault?a b}",
    ] {
        check(value, None);
    }
    check(&format!("{}@azurekeyvault", "a".repeat(254)), None);
}

#[test]
fn references_stand_inline_any_number_of_times() {
    check("postgres://app:${db@azurekeyvault}@host/", Some("postgres://app:<db@azurekeyvault>@host/"));
    check(
        "${u@azurekeyvault?user}:${u@azurekeyvault?password}",
        Some("<u@azurekeyvault?user>:<u@azurekeyvault?password>"),
    );
    check("${x}${db@azurekeyvault}${", Some("${x}<db@azurekeyvault>${"));
    check("${${db@azurekeyvault}}", Some("${<db@azurekeyvault>}"));
    check("ä${db@azurekeyvault}ö", Some("ä<db@azurekeyvault>ö"));
}

#[test]
fn a_backslash_makes_a_literal() {
    check(r"\db@azurekeyvault", Some("db@azurekeyvault"));
    check(r"a\${db@azurekeyvault}b", Some("a${db@azurekeyvault}b"));
    check(r"a\\${db@azurekeyvault}b", Some(r"a\<db@azurekeyvault>b"));
    check(r"C:\dir\${x} ${db@azurekeyvault}", Some(r"C:\dir\${x} <db@azurekeyvault>"));
    check(r"\not a reference@azurekeyvault", None);
}

#[test]
fn the_originals_unit_case_36() {
    #[derive(serde::Deserialize)]
    struct Row {
        value: String,
        resource: Option<String>,
        query: Option<String>,
    }
    let rows: Vec<Row> =
        serde_yaml_ng::from_str(include_str!("../../../../tests/data/references/upstream-36.yaml")).expect("rows");
    assert_eq!(rows.len(), 6);
    for row in rows {
        let parsed = Reference::parse(&row.value);
        assert_eq!(parsed, row.resource.map(|resource| Reference { resource, query: row.query }), "{}", row.value);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic_and_nothing_but_references_changes(value in r"\PC*|([\\$\{\}a@?]|\$\{|a@azurekeyvault|\}){0,24}") {
        match parts(&value) {
            None => {}
            Some(text) => prop_assert!(value.contains(MARK) && !text.is_empty()),
        }
    }

    #[test]
    fn a_reference_that_is_written_is_read_again(resource in "[a-zA-Z0-9]([-.a-zA-Z0-9]{0,20}[a-zA-Z0-9])?", query in proptest::option::of("[-._a-zA-Z0-9]{1,20}"), around in r"[a-z:/ ]{0,8}") {
        let reference = Reference { resource, query };
        prop_assert_eq!(Reference::parse(&reference.to_string()), Some(reference.clone()));
        let text = Text::parse(&format!("{around}${{{reference}}}{around}")).expect("a reference");
        prop_assert_eq!(text.references().collect::<Vec<_>>(), [&reference]);
        let escaped = Text::parse(&format!("{around}\\${{{reference}}}")).expect("an escape");
        prop_assert_eq!(escaped.references().count(), 0);
    }
}
