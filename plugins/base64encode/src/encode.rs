//! RFC 4648, standard alphabet, with padding.

use base64::{Engine, engine::general_purpose::STANDARD};
use guest::Fault;

/// There is nothing to set.
pub fn check(_config: &str) -> Result<(), Fault> {
    Ok(())
}

/// Any bytes.
pub fn apply(_config: &str, input: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(STANDARD.encode(input).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_encoded_with_padding() {
        assert_eq!(apply("{}", b"  alsdjfl ljasfk   "), Ok(b"ICBhbHNkamZsIGxqYXNmayAgIA==".to_vec()));
        assert_eq!(apply("{}", &[0xff]), Ok(b"/w==".to_vec()));
    }
}
