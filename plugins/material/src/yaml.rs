//! A flat YAML mapping, read from the parser's events as the original's parser (gopkg.in/yaml.v2) reads it into a map of
//! texts: a scalar keeps the spelling that it has in the text, and `<<` takes over the pairs of other mappings.
//!
//! What is nested is refused where it begins, and what aliases copy is counted, so a small text cannot become a large one.

use crate::multi::Pairs;
use crate::{Fault, bundle};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

const NOT_YAML: Fault = Fault::new("not-yaml", "the value is not YAML");
const NOT_FLAT: Fault = Fault::new("not-flat", "every value of the YAML mapping must be a scalar");
const NOT_A_MAPPING: Fault = Fault::new("not-a-mapping", "the YAML must be a mapping");
const BAD_MERGE: Fault = Fault::new("bad-merge", "`<<` takes over a mapping, or a list of mappings");
const BAD_TAG: Fault = Fault::new("bad-tag", "a scalar is not what its tag says");
const TOO_DEEP: Fault = Fault::new("too-deep", "`<<` is nested too deep");
const TOO_LARGE: Fault = Fault::new("too-many-aliases", "the aliases of the YAML stand for more than 1 MiB");

/// A Secret holds no more than this, so what aliases stand for cannot be more either.
const COPIED_LIMIT: usize = 1 << 20;
/// What a pair takes besides its bytes.
const PAIR: usize = 64;
/// Levels of `<<` within `<<`: far more than anybody writes, far less than the stack of a plugin holds.
const DEPTH_LIMIT: usize = 32;
/// Of the tags that YAML itself defines.
const CORE: &str = "tag:yaml.org,2002:";

/// What an alias can stand for.
#[derive(Clone)]
enum Node {
    Scalar(Vec<u8>),
    Mapping(Pairs),
    Sequence,
}

/// Pairs of the first document.
pub(crate) fn mapping(text: &str) -> Result<Pairs, Fault> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), copied: 0, at: Marker::default() };
    reader.document().map_err(|fault| fault.at(reader.at.line(), reader.at.col() + 1))
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// By number, which is counted from one; zero is no anchor.
    anchors: HashMap<usize, Node>,
    /// Bytes that anchors were kept as and aliases replaced by.
    copied: usize,
    /// Where the last event begins.
    at: Marker,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.at = span.start;
                Ok(event)
            }
            Some(Err(error)) => {
                self.at = *error.marker();
                Err(NOT_YAML)
            }
            None => Err(NOT_YAML),
        }
    }

    fn document(&mut self) -> Result<Pairs, Fault> {
        loop {
            match self.next()? {
                Event::DocumentStart(_) => break,
                Event::StreamEnd => return Ok(Pairs::new()),
                _ => {}
            }
        }
        match self.next()? {
            Event::MappingStart(anchor, _) => self.mapping(anchor, 0),
            Event::Scalar(text, ScalarStyle::Plain, _, None) if is_null(&text) => Ok(Pairs::new()),
            _ => Err(NOT_A_MAPPING),
        }
    }

    /// From behind its start to its end. A later pair replaces an earlier one of the same key, wherever they come from.
    fn mapping(&mut self, anchor: usize, depth: usize) -> Result<Pairs, Fault> {
        let mut pairs = Pairs::new();
        loop {
            let key = self.next()?;
            if matches!(key, Event::MappingEnd) {
                break;
            }
            if is_merge(&key) {
                for source in self.merged(depth)?.into_iter().rev() {
                    pairs.extend(source);
                }
            } else {
                let key = String::from_utf8(self.scalar(key)?).map_err(|_| NOT_YAML)?;
                let value = self.next()?;
                pairs.push((key, self.scalar(value)?));
            }
        }
        let pairs = last_of_each_key(pairs);
        if anchor > 0 {
            let node = Node::Mapping(pairs.clone());
            self.charge(&node)?;
            self.anchors.insert(anchor, node);
        }
        Ok(pairs)
    }

    fn scalar(&mut self, event: Event<'a>) -> Result<Vec<u8>, Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let bytes = bytes(&text, style, tag.as_ref())?;
                if anchor > 0 {
                    self.anchors.insert(anchor, Node::Scalar(bytes.clone()));
                }
                Ok(bytes)
            }
            Event::Alias(anchor) => match self.copy(anchor)? {
                Node::Scalar(bytes) => Ok(bytes),
                _ => Err(NOT_FLAT),
            },
            Event::MappingStart(..) | Event::SequenceStart(..) => Err(NOT_FLAT),
            _ => Err(NOT_YAML),
        }
    }

    /// The mappings that `<<` names; of a list the first counts most.
    fn merged(&mut self, depth: usize) -> Result<Vec<Pairs>, Fault> {
        let event = self.next()?;
        let Event::SequenceStart(anchor, _) = event else {
            return Ok(vec![self.source(event, depth)?]);
        };
        let mut sources = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => break,
                event => sources.push(self.source(event, depth)?),
            }
        }
        self.anchors.insert(anchor, Node::Sequence);
        Ok(sources)
    }

    fn source(&mut self, event: Event<'a>, depth: usize) -> Result<Pairs, Fault> {
        match event {
            Event::MappingStart(..) if depth == DEPTH_LIMIT => Err(TOO_DEEP),
            Event::MappingStart(anchor, _) => self.mapping(anchor, depth + 1),
            Event::Alias(anchor) => match self.copy(anchor)? {
                Node::Mapping(pairs) => Ok(pairs),
                _ => Err(BAD_MERGE),
            },
            _ => Err(BAD_MERGE),
        }
    }

    /// What an anchor stands for. One that is not complete yet would contain itself.
    fn copy(&mut self, anchor: usize) -> Result<Node, Fault> {
        let node = self.anchors.get(&anchor).cloned().ok_or(NOT_YAML)?;
        self.charge(&node)?;
        Ok(node)
    }

    fn charge(&mut self, node: &Node) -> Result<(), Fault> {
        self.copied += match node {
            Node::Scalar(bytes) => bytes.len(),
            Node::Mapping(pairs) => pairs.iter().map(|(k, v)| k.len() + v.len() + PAIR).sum(),
            Node::Sequence => 0,
        };
        if self.copied > COPIED_LIMIT { Err(TOO_LARGE) } else { Ok(()) }
    }
}

/// Each key at its first place with its last value.
fn last_of_each_key(pairs: Pairs) -> Pairs {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut last = Pairs::new();
    for (key, value) in pairs {
        match places.get(&key) {
            Some(at) => last[*at].1 = value,
            None => {
                places.insert(key.clone(), last.len());
                last.push((key, value));
            }
        }
    }
    last
}

fn core<'t>(tag: &'t Tag) -> Option<Cow<'t, str>> {
    if tag.handle == CORE {
        return Some(Cow::Borrowed(&tag.suffix));
    }
    let whole = format!("{}{}", tag.handle, tag.suffix);
    whole.strip_prefix(CORE).map(|name| Cow::Owned(name.to_owned()))
}

fn is_merge(key: &Event<'_>) -> bool {
    match key {
        Event::Scalar(text, style, _, None) => text == "<<" && *style == ScalarStyle::Plain,
        Event::Scalar(text, _, _, Some(tag)) => text == "<<" && core(tag).is_some_and(|name| name == "merge"),
        _ => false,
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The spelling of a scalar; null is empty.
fn bytes(text: &str, style: ScalarStyle, tag: Option<&Cow<'_, Tag>>) -> Result<Vec<u8>, Fault> {
    let plain = style == ScalarStyle::Plain;
    match (tag, tag.and_then(|tag| core(tag)).as_deref()) {
        (None, _) if plain && is_null(text) => Ok(Vec::new()),
        (_, Some("null")) if is_null(text) => Ok(Vec::new()),
        (_, Some("null")) => Err(BAD_TAG),
        (_, Some("bool" | "int" | "float" | "timestamp")) if is_null(text) => Err(BAD_TAG),
        (_, Some("binary")) => {
            bundle::decode(text.as_bytes()).map_err(|_| Fault::new("bad-base64", "a !!binary scalar is not base64"))
        }
        _ => Ok(text.as_bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let pair = |(k, v): &(String, Vec<u8>)| format!("{k}={}", String::from_utf8_lossy(v));
        let got = mapping(text).map(|pairs| pairs.iter().map(pair).collect::<Vec<_>>().join(","));
        let got = got.map_err(|fault| fault.code);
        let shown: String = text.chars().take(100).collect();
        assert_eq!(got.as_deref().map_err(|code| *code), expected, "{shown}");
    }

    /// What gopkg.in/yaml.v2 2.4 gives for the same texts, asked once.
    #[test]
    fn texts_are_read_as_the_parser_of_the_original_reads_them() {
        for (text, expected) in [
            ("<<: {a: 2, b: 3}\na: 1", "a=1,b=3"),
            // The place counts, not who owns the pair.
            ("a: 1\n<<: {a: 2, b: 3}", "a=2,b=3"),
            ("<<: [{a: 1, b: 1}, {a: 2, c: 2}]", "a=1,c=2,b=1"),
            ("<<: &x {a: 1}\n<<: [*x, {b: 2}]", "a=1,b=2"),
            ("<<: &b {a: 1}\nb: 2\n<<: {<<: *b, c: 3}", "a=1,b=2,c=3"),
            ("<<: [&a {x: 1}, *a]", "x=1"),
            ("!!merge <<: {a: 1}", "a=1"),
            ("'<<': x", "<<=x"),
            ("!!str <<: a", "<<=a"),
            ("a: <<", "a=<<"),
            ("? &k a\n: *k", "a=a"),
            ("a: !!str null\nb: !!str ~\nc: !!str", "a=null,b=~,c="),
            ("a: !<tag:yaml.org,2002:str> null", "a=null"),
            ("a: !foo null\nb: ! null", "a=null,b=null"),
            ("a: !!null null\nb: !!null 'null'", "a=,b="),
            ("a: !!int 1\nb: !!bool yes\nc: !!float 1", "a=1,b=yes,c=1"),
            ("a: !!binary 'AQI='\nb: !!binary", "a=\u{1}\u{2},b="),
            ("a: 1\na: 2\nb: 3", "a=2,b=3"),
            ("---\n---\na: b", ""),
            ("~", ""),
            ("\u{feff}a: b\r\nc: d\r\n", "a=b,c=d"),
        ] {
            check(text, Ok(expected));
        }
        for (text, code) in [
            ("'<<': {a: b}", "not-flat"),
            ("!!str <<: {a: 1}", "not-flat"),
            ("<<: x", "bad-merge"),
            ("<<:", "bad-merge"),
            ("<<: [x]", "bad-merge"),
            ("<<: [[{a: 1}]]", "bad-merge"),
            ("<<: &s [{a: 1}]\n<<: *s", "bad-merge"),
            ("<<: &x {a: 1, <<: *x}", "not-yaml"),
            ("a: *none", "not-yaml"),
            ("a: !!null x", "bad-tag"),
            ("a: !!int null", "bad-tag"),
            ("a: !!binary AQI", "bad-base64"),
            ("? {a: b}\n: c", "not-flat"),
            ("''", "not-a-mapping"),
            ("!!str", "not-a-mapping"),
        ] {
            check(text, Err(code));
        }
    }

    #[test]
    fn a_fault_has_the_place_where_it_begins() {
        for (text, place) in [
            ("a: 1\nb: {c: d}", (2, 4)),
            ("a: &b [c]", (1, 4)),
            ("a: 1\nb: 'x", (2, 4)),
            ("[a]", (1, 1)),
            ("a: *b", (1, 4)),
        ] {
            assert_eq!(mapping(text).map_err(|fault| fault.place), Err(Some(place)), "{text}");
        }
    }

    #[test]
    fn a_small_text_never_becomes_a_large_one() {
        let many = |n: usize, item: &dyn Fn(usize) -> String| (0..n).map(item).collect::<String>();
        // Each level merges the one before twice, so that pairs would double; a key counts once.
        let doubling = many(60, &|i| format!("<<: &a{} {{<<: [*a{i}, *a{i}]}}\n", i + 1));
        check(&format!("<<: &a0 {{k: v}}\n{doubling}"), Ok("k=v"));
        let wide = many(1500, &|i| format!("k{i}: v,"));
        check(&format!("<<: &a {{{wide}}}\n<<: [{}]", "*a,".repeat(4000)), Err("too-many-aliases"));
        let anchored = many(30, &|i| format!("&b{i} {{<<: "));
        check(&format!("<<: {anchored}{{{wide}}}{}", "}".repeat(30)), Err("too-many-aliases"));
        let long = "x".repeat(12_000);
        check(&format!("k: &a {long}\n{}", many(1500, &|i| format!("{i}: *a\n"))), Err("too-many-aliases"));
        let deep = |n: usize| format!("{}a: b{}", "<<: {".repeat(n), "}".repeat(n));
        check(&deep(32), Ok("a=b"));
        check(&deep(33), Err("too-deep"));
        check(&"<<: {".repeat(5000), Err("too-deep"));
        check(&"[".repeat(25_000), Err("not-yaml"));
        check(&"- ".repeat(12_000), Err("not-a-mapping"));
        check(&"? ".repeat(12_000), Err("not-flat"));
    }
}
