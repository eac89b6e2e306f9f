//! The line of each place in a YAML text. Values come from another parser; this one has the positions.

use saphyr_parser::{Event, Parser};
use std::collections::BTreeMap;

/// Lines by path, such as `vaults[0].secrets[1].name`.
#[derive(Clone, Default)]
pub struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// Of a text that another parser has found to be good; of a bad one, as far as it goes.
    #[must_use]
    pub fn of(yaml: &str) -> Self {
        let mut walk = Walk::default();
        // A fault of the text has been told by the parser of the values.
        for (event, span) in Parser::new_from_str(yaml).map_while(Result::ok) {
            walk.event(&event, span.start.line());
        }
        Self(walk.lines)
    }

    /// The line of a place, else of the nearest place around it.
    #[must_use]
    pub fn at(&self, path: &str) -> usize {
        let cut = path.rmatch_indices(['.', '[']).map(|(end, _)| &path[..end]);
        std::iter::once(path).chain(cut).find_map(|path| self.0.get(path)).copied().unwrap_or(1)
    }
}

#[derive(Default)]
struct Walk {
    lines: BTreeMap<String, usize>,
    open: Vec<Collection>,
}

struct Collection {
    path: String,
    /// Values seen, of a list.
    length: usize,
    is_list: bool,
    /// The key whose value comes next, of a mapping.
    key: Option<String>,
}

impl Walk {
    fn event(&mut self, event: &Event<'_>, line: usize) {
        let path = match event {
            Event::Scalar(text, ..) => self.next(text),
            Event::Alias(_) | Event::MappingStart(..) | Event::SequenceStart(..) => self.next("?"),
            Event::MappingEnd | Event::SequenceEnd => return drop(self.open.pop()),
            _ => return,
        };
        // A value in a mapping keeps the line of its key.
        self.lines.entry(path.clone()).or_insert(line);
        let is_list = matches!(event, Event::SequenceStart(..));
        if is_list || matches!(event, Event::MappingStart(..)) {
            self.open.push(Collection { path, length: 0, is_list, key: None });
        }
    }

    /// The path of what begins now; `text` is its own if it is a scalar.
    fn next(&mut self, text: &str) -> String {
        let Some(around) = self.open.last_mut() else {
            return String::new();
        };
        if around.is_list {
            around.length += 1;
            return format!("{}[{}]", around.path, around.length - 1);
        }
        let dot = if around.path.is_empty() { "" } else { "." };
        let key = around.key.take();
        let path = format!("{}{dot}{}", around.path, key.as_deref().unwrap_or(text));
        if key.is_none() {
            around.key = Some(text.to_owned());
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_the_line_of_its_key_or_of_what_is_around_it() {
        let lines = Lines::of(
            "# comment\ntenant: t\nvaults:\n- name: a\n  secrets: [{name: x}, {name: y,\n    value: z}]\n- name: b\n",
        );
        for (path, line) in [
            ("tenant", 2),
            ("vaults", 3),
            ("vaults[0].name", 4),
            ("vaults[0].secrets[1].value", 6),
            ("vaults[0].secrets[1].version", 5),
            ("vaults[1].name", 7),
            ("vaults[1].keys[3]", 7),
            ("nowhere", 1),
        ] {
            assert_eq!(lines.at(path), line, "{path}");
        }
    }
}
