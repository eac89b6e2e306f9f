//! PEM (RFC 7468), read as Go and OpenSSL do: text around blocks is skipped, headers within them too.

use crate::Fault;
use base64::{Engine, engine::general_purpose::STANDARD};

/// One block.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// What stands after `BEGIN`.
    pub label: String,
    /// The DER; ciphertext if `encrypted`.
    pub der: Vec<u8>,
    /// Whether its headers say so (RFC 1421, `Proc-Type: 4,ENCRYPTED`).
    pub encrypted: bool,
}

const BAD: Fault = Fault::new("bad-pem", "the PEM text cannot be read");

/// Every block of `text`, in order.
pub fn parse(text: &str) -> Result<Vec<Block>, Fault> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or(BAD)?;
        let (body, after) = after.split_once(&format!("-----END {label}-----")).ok_or(BAD)?;
        // Headers such as `Proc-Type: 4,ENCRYPTED` end with an empty line.
        let body = body.replace("\r\n", "\n");
        let (headers, body) = body.split_once("\n\n").filter(|(h, _)| h.contains(':')).unwrap_or(("", &body));
        let encrypted = headers.lines().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"));
        let joined: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(joined).map_err(|_| BAD)?;
        blocks.push(Block { label: label.to_owned(), der, encrypted });
        rest = after;
    }
    Ok(blocks)
}

/// One block with lines of 64 characters and a line break at the end.
pub fn encode(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text.extend(line.iter().map(|b| char::from(*b)));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_survives_and_text_around_it_is_skipped() {
        let text =
            format!("subject=x\n{}\r\nmore\n{}", encode("CERTIFICATE", &[7; 100]), encode("EC PARAMETERS", &[1]));
        let blocks = parse(&text).expect("two blocks");
        assert_eq!(
            blocks.iter().map(|b| (b.label.as_str(), b.der.len())).collect::<Vec<_>>(),
            [("CERTIFICATE", 100), ("EC PARAMETERS", 1)]
        );
        assert!(text.lines().all(|l| l.len() <= 64));
        for bad in ["-----BEGIN X", "-----BEGIN X-----\nAA", "-----BEGIN X-----\n%%\n-----END X-----"] {
            assert_eq!(parse(bad).map(drop), Err(BAD), "{bad}");
        }
    }
}
