//! One field of a JSON document, by JSON pointer (RFC 6901).

use guest::Fault;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    pointer: String,
}

fn config(text: &str) -> Result<Config, Fault> {
    let config: Config = serde_json::from_str(text)
        .map_err(|e| Fault::config("bad-config", "", format!("the config is not readable: {e}")))?;
    if !config.pointer.is_empty() && !config.pointer.starts_with('/') {
        return Err(Fault::config("bad-pointer", "/pointer", "a JSON pointer begins with '/', such as /password"));
    }
    Ok(config)
}

/// The pointer must be one.
pub fn check(text: &str) -> Result<(), Fault> {
    config(text).map(drop)
}

/// A text as it is, without quotes; anything else as JSON without spaces.
pub fn apply(text: &str, input: &[u8]) -> Result<Vec<u8>, Fault> {
    let config = config(text)?;
    let document: Value =
        serde_json::from_slice(input).map_err(|_| Fault::input("not-json", None, "the value is not JSON"))?;
    let missing = || Fault::input("no-such-field", None, "the JSON has no field at the pointer");
    match document.pointer(&config.pointer).ok_or_else(missing)? {
        Value::String(text) => Ok(text.clone().into_bytes()),
        other => Ok(other.to_string().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(pointer: &str, input: &str) -> Result<String, &'static str> {
        let config = serde_json::json!({"pointer": pointer}).to_string();
        apply(&config, input.as_bytes()).map(|b| String::from_utf8(b).expect("JSON is text")).map_err(|f| f.code)
    }

    #[test]
    fn a_text_loses_its_quotes_and_the_rest_stays_json() {
        let document = r#"{"password": "p\"w", "port": 5432, "hosts": ["a", "b"], "a/b": null}"#;
        assert_eq!(field("/password", document).as_deref(), Ok("p\"w"));
        assert_eq!(field("/port", document).as_deref(), Ok("5432"));
        assert_eq!(field("/hosts/1", document).as_deref(), Ok("b"));
        assert_eq!(field("/hosts", document).as_deref(), Ok(r#"["a","b"]"#));
        assert_eq!(field("/a~1b", document).as_deref(), Ok("null"));
        assert_eq!(field("/none", document), Err("no-such-field"));
        assert_eq!(field("/password", "plain"), Err("not-json"));
        assert_eq!(field("password", document), Err("bad-pointer"));
    }
}
