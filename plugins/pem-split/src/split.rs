//! One part of a PEM text, or of a PKCS#12 file in base64.

use guest::Fault;
use material::{Bundle, pem};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    part: Part,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Part {
    Key,
    Certificates,
    Leaf,
    Issuers,
}

fn config(text: &str) -> Result<Config, Fault> {
    serde_json::from_str(text)
        .map_err(|e| Fault::config("bad-config", "/part", format!("part is key, certificates, leaf or issuers: {e}")))
}

/// The part must be one.
pub fn check(text: &str) -> Result<(), Fault> {
    config(text).map(drop)
}

/// PEM.
pub fn apply(text: &str, input: &[u8]) -> Result<Vec<u8>, Fault> {
    let part = config(text)?.part;
    let fault = |f: material::Fault| Fault::input(f.code, None, f.message);
    let bundle = Bundle::of_secret(input).map_err(fault)?;
    let taken = match part {
        Part::Key => bundle.key_pem(),
        Part::Certificates => bundle.certificates_pem(),
        Part::Leaf => bundle.server_first().certificates_pem().map(|all| blocks(&all, 0, 1)),
        Part::Issuers => bundle.server_first().certificates_pem().map(|all| blocks(&all, 1, usize::MAX)),
    };
    taken.map(String::into_bytes).map_err(fault)
}

fn blocks(text: &str, skip: usize, take: usize) -> String {
    let blocks = pem::parse(text).unwrap_or_default();
    blocks.iter().skip(skip).take(take).map(|b| pem::encode(&b.label, &b.der)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_must_be_named_and_be_there() {
        assert_eq!(check(r#"{"part": "key"}"#), Ok(()));
        assert_eq!(check(r#"{"part": "x"}"#).map_err(|f| f.code), Err("bad-config"));
        assert_eq!(apply(r#"{"part": "key"}"#, b"plain text").map_err(|f| f.code), Err("bad-base64"));
        assert_eq!(apply(r#"{"part": "key"}"#, b"AAAA").map_err(|f| f.code), Err("bad-pkcs12"));
        assert_eq!(
            apply(r#"{"part": "key"}"#, b"-----BEGIN X-----\n-----END X-----").map_err(|f| f.code),
            Err("no-private-key")
        );
    }
}
