//! A name with a `*` at its beginning or its end.

/// What a text must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    open_start: bool,
    middle: String,
    open_end: bool,
}

impl Pattern {
    /// Reads a pattern; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('*').unwrap_or(text);
        let middle = rest.strip_suffix('*').unwrap_or(rest);
        if text.is_empty() {
            return Err("a pattern is empty: write * for everything".to_owned());
        }
        // Nothing else can be part of a name of a namespace, a vault or an object.
        if !middle.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(format!("{text:?} is no name with a * at its beginning or end"));
        }
        let everything = middle.is_empty();
        Ok(Self {
            open_start: rest.len() < text.len(),
            middle: middle.to_owned(),
            open_end: middle.len() < rest.len() || everything,
        })
    }

    /// Whether `text` looks so.
    pub fn matches(&self, text: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => text == self.middle,
            (true, false) => text.ends_with(&self.middle),
            (false, true) => text.starts_with(&self.middle),
            (true, true) => text.contains(&self.middle),
        }
    }

    /// The same without regard to the case of ASCII letters.
    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        let lower = Self { middle: self.middle.to_ascii_lowercase(), ..self.clone() };
        lower.matches(&text.to_ascii_lowercase())
    }

    /// Whether every text looks so.
    pub fn is_everything(&self) -> bool {
        self.middle.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_at_the_ends_only() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(Pattern::parse(pattern).map(|p| p.matches(text)), Ok(expected), "{pattern} {text}");
        };
        check("shop", "shop", true);
        check("shop", "shop2", false);
        check("shop-*", "shop-a", true);
        check("shop-*", "shop", false);
        check("*-prod", "shop-prod", true);
        check("*-prod", "shop-prod2", false);
        check("*op*", "shop", true);
        check("*op*", "sho", false);
        check("*", "", true);
        check("**", "x", true);
        check("Shop", "shop", false);
        assert!(Pattern::parse("Shop*").is_ok_and(|p| p.matches_ignoring_case("sHOP-1")));
        for bad in ["", "a*b", "a b", "a/b", "a.b", "[a]", "***", "a?"] {
            assert!(Pattern::parse(bad).is_err(), "{bad:?}");
        }
    }
}
