//! The kubelet's expansion of `$(NAME)` in commands, arguments and values.

/// The names that `text` would have expanded: `$$` is an escaped dollar, and an expansion that is not closed is text.
pub fn names(text: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|body| body.split_once(')')) {
            found.push(name);
            rest = after;
        }
    }
    found
}

/// The text that the kubelet expands to `text`. What comes from an image was never meant for the kubelet.
pub fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_the_kubelet_finds_them() {
        assert_eq!(names("a$(B)c$(D)"), ["B", "D"]);
        assert_eq!(names("$$(B) $x $( $(C"), Vec::<&str>::new());
        assert_eq!(names("$$$(B)"), ["B"]);
        assert_eq!(names("ä$(Ö)"), ["Ö"]);
    }

    #[test]
    fn escaped_text_expands_to_itself() {
        for text in ["", "plain", "$(HOME)", "$$(HOME)", "a$b$", "$($(x))"] {
            assert!(names(&escaped(text)).is_empty(), "{text}");
            assert_eq!(escaped(text).replace("$$", "$"), text);
        }
    }
}
