//! RFC 4648, standard alphabet, padding needed; line breaks are skipped, and bits left over at the end, as Go does.

use base64::alphabet::STANDARD;
use base64::engine::{Engine, GeneralPurpose, GeneralPurposeConfig};

const GO: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
use guest::Fault;

/// There is nothing to set.
pub fn check(_config: &str) -> Result<(), Fault> {
    Ok(())
}

/// Any bytes come out.
pub fn apply(_config: &str, input: &[u8]) -> Result<Vec<u8>, Fault> {
    let joined: Vec<u8> = input.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    GO.decode(joined)
        .map_err(|_| Fault::input("bad-base64", None, "the value is not base64 of the standard alphabet with padding"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_skipped_and_nothing_else() {
        assert_eq!(apply("{}", b"ICBh\r\nbHNk\namZs"), Ok(b"  alsdjfl".to_vec()));
        for bad in ["/w", "_w==", "a b=", "=", "%%%%"] {
            assert_eq!(apply("{}", bad.as_bytes()).map_err(|f| f.code), Err("bad-base64"), "{bad}");
        }
        assert_eq!(apply("{}", b"YWJ="), Ok(b"ab".to_vec()), "bits left over");
        assert_eq!(apply("{}", b""), Ok(Vec::new()));
    }
}
