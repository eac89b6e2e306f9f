//! What a template can call besides minijinja's own: how values are written in files that programs read.

use base64::{Engine, engine::general_purpose::STANDARD};
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

/// Adds them, and makes a missing variable an error instead of an empty text.
pub fn environment<'a>() -> Environment<'a> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    // A file is no web page: nothing is escaped unless asked for.
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    let mut syntax = environment.syntax().to_builder();
    // A file ends as its template does.
    syntax.keep_trailing_newline(true);
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    environment.set_formatter(|out, state, value| {
        valid(value)?;
        minijinja::escape_formatter(out, state, value)
    });
    environment.add_filter("b64encode", |text: &str| STANDARD.encode(text));
    environment.add_filter("b64decode", b64decode);
    environment.add_filter("properties", properties);
    environment.add_filter("quote", quote);
    environment.add_filter("shell", |text: &str| format!("'{}'", text.replace('\'', r"'\''")));
    environment
}

/// A mapping or list that is written as a whole would show a value that fails as words of its own.
fn valid(value: &Value) -> Result<(), Error> {
    let inner = match value.kind() {
        ValueKind::Map => {
            let items = value.try_iter()?.map(|key| value.get_item(&key)).collect::<Result<Vec<_>, _>>()?;
            Value::from(items)
        }
        ValueKind::Seq => value.clone(),
        _ => return Ok(()),
    };
    inner.try_iter()?.checked().try_for_each(|item| valid(&item?))
}

fn b64decode(text: &str) -> Result<String, Error> {
    let joined: String = text.split_ascii_whitespace().collect();
    let bytes =
        STANDARD.decode(joined).map_err(|_| Error::new(ErrorKind::InvalidOperation, "b64decode: not base64"))?;
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidOperation, "b64decode: not text"))
}

/// A value of a Java properties file (java.util.Properties).
fn properties(text: &str) -> String {
    let mut out = String::new();
    for (at, c) in text.char_indices() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if at == 0 => out.push_str("\\ "),
            c if c.is_ascii() => out.push(c),
            c => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04x}")),
        }
    }
    out
}

/// A text in double quotes, as JSON, YAML and TOML all read it.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expected: &str) {
        let got = environment().render_str(template, minijinja::context! { v => "a'\"\\ü\n" });
        assert_eq!(got.expect("the template is good"), expected, "{template}");
    }

    #[test]
    fn values_are_written_as_programs_read_them() {
        check("{{ v|properties }}", "a'\"\\\\\\u00fc\\n");
        check("{{ v|quote }}", "\"a'\\\"\\\\ü\\n\"");
        check("{{ v|shell }}", "'a'\\''\"\\ü\n'");
        check("{{ 'x'|b64encode }} {{ 'eA=='|b64decode }}\n", "eA== x\n");
        assert!(environment().render_str("{{ none.of }}", ()).is_err());
    }
}
