//! References in the value of an environment variable.
//!
//! ```text
//! value     = reference                          the whole value, as the original has it
//!           | { text | "${" reference "}" }      inline, any number of times
//! reference = resource "@azurekeyvault" [ "?" [ query ] ]
//! resource  = letters, digits, "-" and "."; the first and the last a letter or digit; at most 253
//! query     = letters, digits, "-", "_" and "."; at most 253
//! ```
//!
//! A backslash before a reference makes it a literal: `\db@azurekeyvault`, `\${db@azurekeyvault}`. It is the only escape,
//! and it counts only there; two backslashes before an inline reference are one and the reference. A `$` could not do it,
//! since the kubelet makes one of two before any program sees them.
//!
//! Whatever does not follow the grammar is plain text, as in the original.

use std::fmt::{Display, Formatter, Result as Print};

/// What stands in every reference, and is looked for before anything is parsed.
pub const MARK: &str = "@azurekeyvault";
/// The longest name of a resource.
const LONGEST: usize = 253;

/// One vault object of a resource, as a variable asks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The `AzureKeyVaultSecret` in the pod's namespace.
    pub resource: String,
    /// Which entry of it; a bare `?` is none.
    pub query: Option<String>,
}

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Stays as it is.
    Literal(String),
    /// Becomes a value.
    Reference(Reference),
}

/// A value that holds something to do: a reference or an escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

impl Display for Reference {
    fn fmt(&self, f: &mut Formatter<'_>) -> Print {
        write!(f, "{}{MARK}", self.resource)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

impl Reference {
    /// Reads a text that is one reference and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (resource, rest) = text.split_once(MARK)?;
        let alphanumeric = |c: char| c.is_ascii_alphanumeric();
        let legal = (1..=LONGEST).contains(&resource.len())
            && resource.starts_with(alphanumeric)
            && resource.ends_with(alphanumeric)
            && resource.chars().all(|c| alphanumeric(c) || c == '-' || c == '.');
        let query = match rest.strip_prefix('?') {
            Some(query) => query,
            None if rest.is_empty() => "",
            None => return None,
        };
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        (legal && query.len() <= LONGEST && query.chars().all(known))
            .then(|| Self { resource: resource.to_owned(), query: (!query.is_empty()).then(|| query.to_owned()) })
    }
}

impl Text {
    /// Reads a value; `None` if there is nothing in it to do.
    pub fn parse(value: &str) -> Option<Self> {
        if !value.contains(MARK) {
            return None;
        }
        if let Some(reference) = Reference::parse(value) {
            return Some(Self(vec![Piece::Reference(reference)]));
        }
        if let Some(literal) = value.strip_prefix('\\')
            && Reference::parse(literal).is_some()
        {
            return Some(Self(vec![Piece::Literal(literal.to_owned())]));
        }
        inline(value)
    }

    /// The parts, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The references among them.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Reference(reference) => Some(reference),
            Piece::Literal(_) => None,
        })
    }
}

fn inline(value: &str) -> Option<Text> {
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), value);
    let mut found = false;
    while let Some(start) = rest.find("${") {
        let (before, opened) = rest.split_at(start);
        let body = opened[2..].split_once('}').and_then(|(body, after)| Some((Reference::parse(body)?, body, after)));
        let Some((reference, body, after)) = body else {
            literal += &rest[..start + 2];
            rest = &rest[start + 2..];
            continue;
        };
        found = true;
        rest = after;
        match before.strip_suffix('\\') {
            Some(before) if !before.ends_with('\\') => literal += &format!("{before}${{{body}}}"),
            shorter => {
                literal += shorter.unwrap_or(before);
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Reference(reference));
            }
        }
    }
    literal += rest;
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    found.then_some(Text(pieces))
}

#[cfg(test)]
mod tests;
