//! What a plugin returns is checked like anything that a stranger sends.

use crate::limits::Limits;
use akv_core::{Blame, Entry, PluginFault, PluginName, SecretValue, Target};
use std::collections::BTreeSet;
use zeroize::Zeroize;

/// More entries than any target needs.
const ENTRY_LIMIT: usize = 10_000;
/// Bytes of a message that are shown.
pub(crate) const MESSAGE_LIMIT: usize = 256;
/// Bytes of a place that are shown.
const PLACE_LIMIT: usize = 128;

/// A fault of the host's own words; its message may be shown.
pub(crate) fn broken(plugin: &PluginName, code: &str, message: String) -> PluginFault {
    PluginFault {
        plugin: plugin.clone(),
        blame: Blame::Plugin,
        code: code.to_owned(),
        at: None,
        message: Some(message),
    }
}

/// A failure that the plugin returned. Where its text was made beside a value, `known` has the words that a place may
/// consist of: aliases, and texts of the config, none of which holds a value. Elsewhere it is `None`, and all is shown.
pub(crate) fn failure(
    plugin: &PluginName,
    blame: Blame,
    code: &str,
    at: Option<&str>,
    message: &str,
    known: Option<&[String]>,
) -> PluginFault {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let code = if (1..=64).contains(&code.len()) && code.chars().all(legal) { code } else { "invalid-code" };
    // What is withheld is not copied either.
    let at = at.filter(|at| known.is_none_or(|known| is_place(at, known))).map(|at| clean(at, PLACE_LIMIT));
    PluginFault {
        plugin: plugin.clone(),
        blame,
        code: code.to_owned(),
        at,
        message: known.is_none().then(|| clean(message, MESSAGE_LIMIT)).filter(|m| !m.is_empty()),
    }
}

/// A known word, with a line and a column: `app.properties:3:14`.
fn is_place(at: &str, known: &[String]) -> bool {
    let number = |part: &str| (1..=6).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit());
    known.iter().any(|word| match at.strip_prefix(word.as_str()) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(|r| r.split(':').count() <= 2 && r.split(':').all(number)),
        None => false,
    })
}

/// Every text of a config, whole.
pub(crate) fn texts(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) => vec![text.clone()],
        serde_json::Value::Array(items) => items.iter().flat_map(texts).collect(),
        serde_json::Value::Object(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Without control characters, cut.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    // A text may be as large as an answer; a character is at least a byte.
    let text: String = text.chars().take(limit).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= limit).last().unwrap_or(0);
    text[..end].trim().to_owned()
}

/// Bytes of a transform.
pub(crate) fn value(plugin: &PluginName, limits: &Limits, bytes: Vec<u8>) -> Result<SecretValue, PluginFault> {
    let value = SecretValue::new(bytes);
    if value.len() > limits.output {
        return Err(broken(
            plugin,
            "output-too-large",
            format!("it returned {} bytes, {} are allowed", value.len(), limits.output),
        ));
    }
    Ok(value)
}

/// Entries of an output.
pub(crate) fn entries(
    plugin: &PluginName,
    limits: &Limits,
    target: &Target,
    raw: Vec<(String, Vec<u8>)>,
) -> Result<Vec<Entry>, PluginFault> {
    let mut entries: Vec<Entry> =
        raw.into_iter().map(|(key, value)| Entry { key, value: SecretValue::new(value) }).collect();
    let checked = check(plugin, limits, target, &entries);
    if checked.is_err() {
        // A key may be a value too; the values wipe themselves.
        entries.iter_mut().for_each(|entry| entry.key.zeroize());
    }
    checked.map(|()| entries)
}

fn check(plugin: &PluginName, limits: &Limits, target: &Target, entries: &[Entry]) -> Result<(), PluginFault> {
    let size: usize = entries.iter().map(|e| e.key.len() + e.value.len()).sum();
    if entries.len() > ENTRY_LIMIT {
        return Err(broken(
            plugin,
            "too-many-entries",
            format!("it returned {} entries, {ENTRY_LIMIT} are allowed", entries.len()),
        ));
    }
    if size > limits.output {
        return Err(broken(
            plugin,
            "output-too-large",
            format!("it returned {size} bytes, {} are allowed", limits.output),
        ));
    }
    let mut seen = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        // A bad key is not repeated: it may be a value.
        if !is_key(&entry.key) {
            return Err(broken(
                plugin,
                "bad-key",
                format!("the key of entry {index} is none: 1 to 253 letters, digits, '-', '_' or '.'"),
            ));
        }
        if !seen.insert(entry.key.as_str()) {
            return Err(broken(plugin, "duplicate-key", format!("entry {index} repeats the key of another")));
        }
    }
    // Which keys a typed Secret must have is said by the API server, in its own words.
    if matches!(target, Target::ConfigMap { .. }) {
        text_only(plugin, entries)?;
    }
    Ok(())
}

/// What the API server takes as a key of `data`.
fn is_key(key: &str) -> bool {
    (1..=253).contains(&key.len())
        && key != "."
        && key != ".."
        && !key.starts_with("..")
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn text_only(plugin: &PluginName, entries: &[Entry]) -> Result<(), PluginFault> {
    match entries.iter().find(|e| std::str::from_utf8(e.value.expose()).is_err()) {
        None => Ok(()),
        Some(entry) => Err(PluginFault {
            blame: Blame::Input,
            at: Some(entry.key.clone()),
            ..broken(plugin, "not-text", "a ConfigMap holds text only; write a Secret instead".to_owned())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: &str, known: Option<&[String]>) -> Option<String> {
        let name = PluginName::parse("p").expect("a name");
        failure(&name, Blame::Input, "code", Some(at), "text", known).at
    }

    #[test]
    fn beside_a_value_a_place_is_made_of_words_that_are_known() {
        let known = ["app.properties".to_owned(), "db".to_owned()];
        for at in ["db", "app.properties", "app.properties:3", "app.properties:3:14"] {
            assert_eq!(place(at, Some(&known)).as_deref(), Some(at));
        }
        for at in ["hunter2", "db/hunter2", "db:hunter2", "db:1:2:3", "dbx", "db:1234567"] {
            assert_eq!(place(at, Some(&known)), None, "{at}");
        }
        assert_eq!(place("anything", None).as_deref(), Some("anything"));
    }

    #[test]
    fn an_answer_with_a_bad_key_does_not_repeat_it() {
        let name = PluginName::parse("p").expect("a name");
        let target = Target::Environment { query: None };
        let check = |raw: Vec<(&str, &[u8])>, code: &str| {
            let raw = raw.into_iter().map(|(k, v)| (k.to_owned(), v.to_vec())).collect();
            let fault = entries(&name, &Limits::DEFAULT, &target, raw).expect_err(code);
            assert_eq!(fault.code, code);
            assert!(!fault.to_string().contains("hunter2"));
        };
        check(vec![("hunter2 !", b"")], "bad-key");
        check(vec![("..hunter2", b"")], "bad-key");
        check(vec![("a", b"1"), ("a", b"2")], "duplicate-key");
        check(vec![("a", &vec![0; (1 << 20) + 1])], "output-too-large");
    }
}
