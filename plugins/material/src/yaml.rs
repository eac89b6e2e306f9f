//! A flat YAML mapping, read from the parser's events: a scalar keeps the spelling that it has in the text, and an alias
//! of something nested is an error before anything is expanded, so a small text cannot become a large one.

use crate::{Fault, multi::Pairs};
use base64::{Engine, engine::general_purpose::STANDARD};
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::collections::HashMap;

const NOT_YAML: Fault = Fault::new("not-yaml", "the value is not YAML");
const NOT_FLAT: Fault = Fault::new("not-flat", "every value of the YAML mapping must be a scalar");
const NOT_A_MAPPING: Fault = Fault::new("not-a-mapping", "the YAML must be a mapping");

#[derive(Clone)]
enum Node {
    Scalar(Vec<u8>),
    Mapping(Pairs),
    Other,
}

/// Pairs of the first document, those of `<<` first, so that the mapping's own win.
pub(crate) fn mapping(text: &str) -> Result<Pairs, Fault> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new() };
    loop {
        match reader.next()? {
            Event::DocumentStart(_) => break,
            Event::StreamEnd => return Ok(Pairs::new()),
            _ => {}
        }
    }
    match reader.node()? {
        Node::Mapping(pairs) => Ok(pairs),
        Node::Scalar(text) if text.is_empty() => Ok(Pairs::new()),
        _ => Err(NOT_A_MAPPING),
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, Fault> {
        match self.parser.next_event() {
            Some(Ok((event, _))) => Ok(event),
            _ => Err(NOT_YAML),
        }
    }

    fn node(&mut self) -> Result<Node, Fault> {
        let event = self.next()?;
        self.node_of(event)
    }

    fn node_of(&mut self, event: Event<'a>) -> Result<Node, Fault> {
        let (node, anchor) = match event {
            Event::Alias(anchor) => return self.anchors.get(&anchor).cloned().ok_or(NOT_YAML),
            Event::Scalar(text, style, anchor, tag) => {
                let binary = tag.is_some_and(|t| t.handle == "tag:yaml.org,2002:" && t.suffix == "binary");
                (Node::Scalar(scalar(&text, style, binary)?), anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.skip()?;
                (Node::Other, anchor)
            }
            Event::MappingStart(anchor, _) => (self.pairs()?, anchor),
            _ => return Err(NOT_YAML),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn pairs(&mut self) -> Result<Node, Fault> {
        let (mut merged, mut own) = (Pairs::new(), Pairs::new());
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                event => self.node_of(event)?,
            };
            let Node::Scalar(key) = key else {
                return Err(NOT_FLAT);
            };
            let key = String::from_utf8(key).map_err(|_| NOT_YAML)?;
            match (key.as_str(), self.node()?) {
                ("<<", Node::Mapping(pairs)) => merged.extend(pairs),
                (_, Node::Scalar(value)) => own.push((key, value)),
                _ => return Err(NOT_FLAT),
            }
        }
        merged.extend(own);
        Ok(Node::Mapping(merged))
    }

    fn skip(&mut self) -> Result<(), Fault> {
        let mut depth = 1usize;
        while depth > 0 {
            match self.next()? {
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle, binary: bool) -> Result<Vec<u8>, Fault> {
    if binary {
        let joined: String = text.split_whitespace().collect();
        return STANDARD.decode(joined).map_err(|_| Fault::new("bad-base64", "a !!binary scalar is not base64"));
    }
    let null = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    Ok(if null { Vec::new() } else { text.as_bytes().to_vec() })
}
