//! Multi-key values: a flat mapping of texts, in JSON or YAML.

use crate::{Fault, yaml};
use serde_json::Value;

/// Pairs in the order of the text; of a key that comes twice the last counts.
pub type Pairs = Vec<(String, Vec<u8>)>;

/// Parses by the content type that the resource declared.
pub fn parse(content_type: Option<&str>, text: &[u8]) -> Result<Pairs, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::new("not-text", "the value is not text"))?;
    match content_type {
        Some("application/x-json") => json(text),
        Some("application/x-yaml") => yaml::mapping(text),
        _ => Err(Fault::new("unknown-content-type", "contentType must be application/x-json or application/x-yaml")),
    }
}

/// An object of texts; `null` is an empty text, and in place of the object an empty one.
fn json(text: &str) -> Result<Pairs, Fault> {
    let document: Value = serde_json::from_str(text)
        .map_err(|e| Fault::new("not-json", "the value is not JSON").at(e.line(), e.column()))?;
    let pair = |(key, value)| match value {
        Value::String(text) => Ok((key, text.into_bytes())),
        Value::Null => Ok((key, Vec::new())),
        _ => Err(Fault::new(
            "not-flat",
            "every value of the JSON object must be a text; write numbers and truth values in quotes",
        )),
    };
    match document {
        Value::Object(pairs) => pairs.into_iter().map(pair).collect(),
        Value::Null => Ok(Pairs::new()),
        _ => Err(Fault::new("not-an-object", "the JSON must be an object of texts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, text: &str, expected: Result<&[(&str, &str)], &str>) {
        let got = parse(Some(content_type), text.as_bytes()).map_err(|f| f.code);
        let expected = expected.map(|p| p.iter().map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec())).collect());
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn json_is_a_flat_object_of_texts() {
        let json = "application/x-json";
        check(json, r#"{"a": "1", "b": null}"#, Ok(&[("a", "1"), ("b", "")]));
        check(json, r#"{"a": "1", "a": "2"}"#, Ok(&[("a", "2")]));
        check(json, "null", Ok(&[]));
        for (bad, code) in [
            (r#"{"a": 1}"#, "not-flat"),
            (r#"{"a": true}"#, "not-flat"),
            (r#"{"a": {}}"#, "not-flat"),
            ("[]", "not-an-object"),
            ("x", "not-json"),
            (r#"{"a": "1"} x"#, "not-json"),
        ] {
            check(json, bad, Err(code));
        }
        check(json, &"[".repeat(25_000), Err("not-json"));
        let broken = parse(Some(json), b"{\n \"a\": x}").map_err(|fault| fault.place);
        assert_eq!(broken, Err(Some((2, 7))));
    }

    #[test]
    fn yaml_is_a_flat_mapping_whose_scalars_keep_their_spelling() {
        let yaml = "application/x-yaml";
        check(
            yaml,
            "\na: 123\nb: true\nc: 1.0\nd: yes\ne: 'x'\n",
            Ok(&[("a", "123"), ("b", "true"), ("c", "1.0"), ("d", "yes"), ("e", "x")]),
        );
        check(yaml, "a: null\nb: ~\nc:\nd: 'null'", Ok(&[("a", ""), ("b", ""), ("c", ""), ("d", "null")]));
        check(yaml, "a: !!binary AQI=", Ok(&[("a", "\u{1}\u{2}")]));
        check(yaml, "a: &x one\nb: *x", Ok(&[("a", "one"), ("b", "one")]));
        check(yaml, "a: |\n  one\n  two\n", Ok(&[("a", "one\ntwo\n")]));
        check(yaml, "a: 1\na: 2", Ok(&[("a", "2")]));
        check(yaml, "", Ok(&[]));
        for bad in ["a: {b: c}", "a: [1]", "[1]", "x", "a: [&a [x, x], *a]", "a: &l [x]\nb: *l"] {
            check(yaml, bad, Err(if bad.starts_with('a') { "not-flat" } else { "not-a-mapping" }));
        }
        check(yaml, "a: 'x", Err("not-yaml"));
    }

    #[test]
    fn other_content_types_are_refused() {
        assert_eq!(parse(None, b"{}").map_err(|f| f.code), Err("unknown-content-type"));
        assert_eq!(parse(Some("application/json"), b"{}").map_err(|f| f.code), Err("unknown-content-type"));
    }
}
