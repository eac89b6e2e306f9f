//! Bytes that may be gzip.

use flate2::read::GzDecoder;
use std::io::Read;
use thiserror::Error;

/// The bytes cannot be unpacked.
#[derive(Debug, Error)]
pub enum UnpackError {
    /// Too much.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
    /// Begins like gzip and is none.
    #[error("it begins like gzip and cannot be unpacked: {0}")]
    Gzip(std::io::Error),
}

/// Plain bytes as they are, gzip unpacked; in both cases at most `limit` bytes.
pub fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>, UnpackError> {
    let mut unpacked = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        // One byte more than allowed tells "exactly the limit" from "more".
        let reader = GzDecoder::new(bytes).take(limit as u64 + 1);
        { reader }.read_to_end(&mut unpacked).map_err(UnpackError::Gzip)?;
    } else {
        unpacked.extend_from_slice(&bytes[..bytes.len().min(limit + 1)]);
    }
    if unpacked.len() > limit { Err(UnpackError::TooLarge(limit)) } else { Ok(unpacked) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn a_small_file_cannot_become_a_large_one() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 1 << 20]).expect("a vector takes everything");
        let bomb = encoder.finish().expect("a vector takes everything");
        assert!(bomb.len() < 2000);
        assert!(matches!(unpack(&bomb, 1000), Err(UnpackError::TooLarge(1000))));
        assert_eq!(unpack(&bomb, 1 << 20).expect("exactly the limit").len(), 1 << 20);
        assert_eq!(unpack(b"plain", 5).expect("exactly the limit"), b"plain");
        assert!(matches!(unpack(b"plain", 4), Err(UnpackError::TooLarge(4))));
        assert!(matches!(unpack(&bomb[..20], 1000), Err(UnpackError::Gzip(_))));
    }
}
