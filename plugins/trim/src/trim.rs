//! White space as Unicode has it, at both ends.

use guest::Fault;

/// There is nothing to set.
pub fn check(_config: &str) -> Result<(), Fault> {
    Ok(())
}

/// The bytes without white space at both ends; a byte that is no text is none, and stays, as in Go's `TrimSpace`.
pub fn apply(_config: &str, input: &[u8]) -> Result<Vec<u8>, Fault> {
    let start = input.utf8_chunks().next().map_or(0, |first| first.valid().len() - first.valid().trim_start().len());
    let rest = &input[start..];
    let last = rest.utf8_chunks().last();
    let end = last.filter(|l| l.invalid().is_empty()).map_or(0, |l| l.valid().len() - l.valid().trim_end().len());
    Ok(rest[..rest.len() - end].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_at_both_ends_only() {
        for (input, expected) in
            [("  alsdjfl ljasfk   ", "alsdjfl ljasfk"), ("\u{a0}\t\nx\u{2003}", "x"), ("", ""), (" \n", "")]
        {
            assert_eq!(apply("{}", input.as_bytes()), Ok(expected.as_bytes().to_vec()));
        }
        for (input, expected) in
            [(&b" \xff "[..], &b"\xff"[..]), (b"\xff \n\xfe", b"\xff \n\xfe"), (b"\n\xff x ", b"\xff x")]
        {
            assert_eq!(apply("{}", input), Ok(expected.to_vec()));
        }
    }
}
