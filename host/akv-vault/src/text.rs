//! Text of a service, made fit for a message.

/// As much of a service's text as a condition can bear.
const LONGEST: usize = 600;
/// Longer words than this are tokens or encoded data, never prose: the longest honest ones are resource ids.
const LONGEST_WORD: usize = 256;

/// One line without control characters, cut, and without anything that could be a token.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        // A JWT begins with the base64url of `{"`.
        if word.len() > LONGEST_WORD || word.contains("eyJ") {
            line.push_str("(withheld)");
        } else {
            line.push_str(word);
        }
    }
    if line.chars().count() > LONGEST {
        line = line.chars().take(LONGEST).collect();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_tokens_withheld() {
        for (text, expected) in [("a\r\n b\u{0}c\t", "a b c"), ("Bearer eyJhbGciOi.x.y", "Bearer (withheld)"), ("", "")]
        {
            assert_eq!(one_line(text), expected);
        }
        assert_eq!(one_line(&"x".repeat(300)), "(withheld)");
        assert_eq!(one_line(&"word ".repeat(500)).chars().count(), LONGEST + 1);
    }
}
