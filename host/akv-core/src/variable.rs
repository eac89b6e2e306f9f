//! Which entry of an output becomes the value of a variable.

use crate::{Entry, SecretValue};

/// The one entry that a reference means: the only one, or the one whose key is the query.
///
/// # Errors
/// A sentence that lists the keys; never a value.
pub fn value(entries: Vec<Entry>, query: Option<&str>) -> Result<SecretValue, String> {
    let keys = entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>().join(", ");
    let several = entries.len() > 1;
    let chosen = match query.filter(|query| !query.is_empty()) {
        Some(query) if several => entries.into_iter().find(|entry| entry.key == query),
        None if several => return Err(format!("there are several entries, so write one of them after a `?`: {keys}")),
        _ => entries.into_iter().next(),
    };
    let value = chosen.ok_or_else(|| format!("there is no such entry; there are: {keys}"))?.value;
    // As the original: a variable that is empty is more often a slip than a wish.
    if value.is_empty() {
        return Err("the value is empty".to_owned());
    }
    if value.expose().contains(&0) {
        return Err("the value holds a zero byte, which no variable can: take it as a file instead".to_owned());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entries: &[(&str, &str)], query: Option<&str>, expected: Result<&str, &str>) {
        let entry = |(key, value): &(&str, &str)| Entry {
            key: (*key).to_owned(),
            value: SecretValue::new(value.as_bytes().to_vec()),
        };
        let found = value(entries.iter().map(entry).collect(), query);
        let found = found.map(|value| String::from_utf8_lossy(value.expose()).into_owned());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn one_entry_needs_no_query_and_of_several_the_query_names_one() {
        check(&[("a", "1")], None, Ok("1"));
        check(&[("a", "1")], Some("user"), Ok("1"));
        check(&[("a", "1"), ("b", "2")], Some("b"), Ok("2"));
        check(&[("a", "1"), ("b", "2")], None, Err("after a `?`: a, b"));
        check(&[("a", "1"), ("b", "2")], Some("c"), Err("there are: a, b"));
        check(&[], None, Err("no such entry"));
    }

    #[test]
    fn what_no_variable_can_hold_is_refused() {
        check(&[("a", "")], None, Err("empty"));
        check(&[("a", "x\0y")], None, Err("zero byte"));
    }
}
