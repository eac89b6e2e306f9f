//! White space as Unicode has it, at both ends.

use guest::Fault;

/// There is nothing to set.
pub fn check(_config: &str) -> Result<(), Fault> {
    Ok(())
}

/// Text without white space at both ends. Bytes that are no text are refused, since white space has no meaning there.
pub fn apply(_config: &str, input: &[u8]) -> Result<Vec<u8>, Fault> {
    let text = std::str::from_utf8(input).map_err(|_| Fault::input("not-text", None, "the value is not text"))?;
    Ok(text.trim().as_bytes().to_vec())
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
        assert_eq!(apply("{}", &[0xff]).map_err(|f| f.code), Err("not-text"));
    }
}
