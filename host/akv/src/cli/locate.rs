//! The line of each place in a YAML text.
//!
//! Values are read by another parser, the one that the rest of the program uses; this one keeps positions and nothing else.

use saphyr_parser::{Event, Parser};
use std::collections::BTreeMap;

/// One document of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a> {
    /// Its text, from its first line on.
    pub text: &'a str,
    /// The line of the stream at which the text begins, from 1.
    pub first_line: usize,
    /// Where its places are.
    pub lines: Lines,
}

/// Lines by path, as `spec.vault.objects[1].as`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// The line of a place, or of the nearest place around it that is there.
    pub fn of(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(line) = self.0.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.0.get("").copied().unwrap_or(1),
            }
        }
    }
}

/// The text is no YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxFault {
    /// Where, from 1.
    pub line: usize,
    /// What the parser says.
    pub message: String,
}

/// Takes a stream apart.
pub fn documents(text: &str) -> Result<Vec<Document<'_>>, SyntaxFault> {
    let mut found: Vec<(usize, Walk)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| SyntaxFault { line: e.marker().line(), message: e.info().to_owned() })?;
        let line = span.start.line();
        match (event, found.last_mut()) {
            (Event::DocumentStart(_), last) => {
                // What stands before the first document, comments mostly, belongs to it.
                let first = if last.is_none() { 1 } else { line };
                found.push((first, Walk::default()));
            }
            (event, Some((_, walk))) => walk.step(event, line),
            _ => {}
        }
    }
    let starts: Vec<usize> =
        text.split_inclusive('\n').scan(0, |at, l| Some(std::mem::replace(at, *at + l.len()))).collect();
    let offset = |line: usize| starts.get(line - 1).copied().unwrap_or(text.len());
    let ends: Vec<usize> = found.iter().skip(1).map(|(line, _)| offset(*line)).chain([text.len()]).collect();
    let documents = found.into_iter().zip(ends).map(|((first_line, walk), end)| Document {
        text: &text[offset(first_line)..end],
        first_line,
        lines: Lines(walk.lines),
    });
    Ok(documents.collect())
}

#[derive(Default)]
struct Walk {
    lines: BTreeMap<String, usize>,
    stack: Vec<Open>,
}

/// A mapping or list that is not at its end yet.
enum Open {
    Mapping { path: String, key: Option<String> },
    List { path: String, next: usize },
}

impl Walk {
    fn step(&mut self, event: Event<'_>, line: usize) {
        match event {
            Event::MappingStart(..) => {
                let path = self.place(None, line).unwrap_or_else(|| "?".to_owned());
                self.stack.push(Open::Mapping { path, key: None });
            }
            Event::SequenceStart(..) => {
                let path = self.place(None, line).unwrap_or_else(|| "?".to_owned());
                self.stack.push(Open::List { path, next: 0 });
            }
            Event::MappingEnd | Event::SequenceEnd => drop(self.stack.pop()),
            Event::Scalar(text, ..) => drop(self.place(Some(&text), line)),
            Event::Alias(_) => drop(self.place(None, line)),
            _ => {}
        }
    }

    /// The path of the value that begins here; `None` if it is a key.
    fn place(&mut self, text: Option<&str>, line: usize) -> Option<String> {
        let (path, is_key) = match self.stack.last_mut() {
            None => (String::new(), false),
            Some(Open::List { path, next }) => {
                *next += 1;
                (format!("{path}[{}]", *next - 1), false)
            }
            Some(Open::Mapping { path, key }) => match key.take() {
                Some(key) => (join(path, &key), false),
                None => {
                    // A mapping as a key has no name; nothing of ours has one.
                    *key = Some(text.unwrap_or("?").to_owned());
                    (join(path, text.unwrap_or("?")), true)
                }
            },
        };
        // The line of a value in a mapping is that of its key.
        self.lines.entry(path.clone()).or_insert(line);
        (!is_key).then_some(path)
    }
}

/// A path and a key below it.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "# a comment\nkind: A\nspec:\n  list:\n  - {as: x}\n  - as: y\n    at: |\n      text\n---\n\n\nkind: B\nspec: {a: {b: [1,\n  2]}}\n";

    fn check(document: usize, path: &str, expected: usize) {
        let documents = documents(STREAM).unwrap();
        assert_eq!(documents[document].lines.of(path), expected, "{document} {path}");
    }

    #[test]
    fn a_place_has_the_line_of_its_key() {
        check(0, "kind", 2);
        check(0, "spec.list", 4);
        check(0, "spec.list[0].as", 5);
        check(0, "spec.list[1].as", 6);
        check(0, "spec.list[1].at", 7);
        check(1, "kind", 12);
        check(1, "spec.a.b[1]", 14);
    }

    #[test]
    fn what_is_missing_has_the_line_of_what_is_around_it() {
        check(0, "spec.list[1].as.deeper[3]", 6);
        check(0, "spec.output.secret", 3);
        check(0, "metadata.name", 2);
        check(1, "spec.a.c", 13);
    }

    #[test]
    fn each_document_keeps_its_own_text() {
        let documents = documents(STREAM).unwrap();
        assert_eq!(documents.len(), 2);
        assert!(documents[0].text.starts_with("# a comment") && documents[0].text.ends_with("text\n"));
        assert!(documents[1].text.starts_with("---\n") && documents[1].first_line == 9);
    }

    #[test]
    fn broken_yaml_has_a_line() {
        assert_eq!(super::documents("a: 1\nb: [\nc: 2\n").unwrap_err().line, 3);
    }
}
