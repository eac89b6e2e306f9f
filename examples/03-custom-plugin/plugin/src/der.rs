//! Writing DER, as much as a keystore needs (X.690).

/// `SEQUENCE`.
pub const SEQUENCE: u8 = 0x30;
/// `SET`.
pub const SET: u8 = 0x31;
/// `OCTET STRING`.
pub const OCTETS: u8 = 0x04;
/// `BMPString`.
pub const BMP: u8 = 0x1e;
/// `[0] EXPLICIT`.
pub const EXPLICIT_0: u8 = 0xa0;
/// `NULL`, whole.
pub const NULL: [u8; 2] = [0x05, 0x00];

/// One element: tag, length, content.
pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    if content.len() < 0x80 {
        out.push(content.len() as u8);
    } else {
        let length = content.len().to_be_bytes();
        let skip = length.iter().take_while(|b| **b == 0).count();
        out.push(0x80 | (length.len() - skip) as u8);
        out.extend(&length[skip..]);
    }
    out.extend(content);
    out
}

/// `INTEGER` that is not negative.
pub fn integer(value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let skip = bytes.iter().take_while(|b| **b == 0).count().min(3);
    // A first bit of 1 would make it negative.
    let pad: &[u8] = if bytes[skip] & 0x80 != 0 { &[0] } else { &[] };
    element(0x02, &[pad, &bytes[skip..]])
}

/// `OBJECT IDENTIFIER`, its content given as in the RFCs' examples.
pub fn oid(content: &[u8]) -> Vec<u8> {
    element(0x06, &[content])
}

/// A text as `BMPString`; what is outside the basic plane has no place there and becomes `?`.
pub fn bmp_string(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.chars().flat_map(|c| u16::try_from(u32::from(c)).unwrap_or(0x3f).to_be_bytes()).collect();
    element(BMP, &[&units])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_integers_are_minimal() {
        assert_eq!(element(OCTETS, &[b"a", b"b"]), [4, 2, b'a', b'b']);
        assert_eq!(element(OCTETS, &[&[0; 200]])[..3], [4, 0x81, 200]);
        assert_eq!(element(OCTETS, &[&[0; 300]])[..4], [4, 0x82, 1, 44]);
        assert_eq!(integer(0), [2, 1, 0]);
        assert_eq!(integer(127), [2, 1, 127]);
        assert_eq!(integer(128), [2, 2, 0, 128]);
        assert_eq!(integer(10_000), [2, 2, 0x27, 0x10]);
    }
}
