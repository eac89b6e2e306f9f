//! Compiled code with what is needed to know whether it may be loaded.

use crate::made_for::target;
use thiserror::Error;

/// First bytes of the format: a name and a version of the layout.
const MAGIC: &[u8; 8] = b"akvplug1";

/// A component, compiled by us.
///
/// Layout: magic, then three fields with a little-endian `u32` length each: target, SHA-256 of the component in
/// hexadecimal, code. Loading one runs its code, so it must never come from where a stranger can write.
#[derive(Clone, PartialEq, Eq)]
pub struct Artifact {
    target: String,
    digest: String,
    /// Ends with the code, which is megabytes: it stays where it was read to.
    bytes: Vec<u8>,
    /// Where the code begins.
    code: usize,
}

/// Bytes that are no artifact, or none for this machine.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ArtifactError {
    /// Not the format.
    #[error("these bytes are no compiled plugin")]
    Format,
    /// For another processor.
    #[error("the plugin was compiled for {0}, this program runs on {here}", here = target())]
    Target(String),
}

impl Artifact {
    #[cfg(feature = "compile")]
    pub(crate) fn new(target: &str, digest: String, code: Vec<u8>) -> Self {
        Self { target: target.to_owned(), digest, bytes: code, code: 0 }
    }

    /// SHA-256 of the component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Bytes of compiled code.
    pub fn size(&self) -> usize {
        self.code().len()
    }

    pub(crate) fn code(&self) -> &[u8] {
        self.bytes.get(self.code..).unwrap_or_default()
    }

    /// The format above.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for field in [self.target.as_bytes(), self.digest.as_bytes(), self.code()] {
            bytes.extend(u32::try_from(field.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(field);
        }
        bytes
    }

    /// Reads the format above; code for another processor is refused.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ArtifactError> {
        let text = |field: &[u8]| String::from_utf8(field.to_vec()).ok();
        let fields = || {
            let (target, rest) = field(bytes.strip_prefix(MAGIC)?)?;
            let (digest, rest) = field(rest)?;
            let (code, _) = field(rest)?;
            // The code's own length of four bytes stands before it, and nothing counts that stands behind it.
            let start = bytes.len() - rest.len() + 4;
            Some((text(target)?, text(digest)?, start, start + code.len()))
        };
        let (made_for, digest, code, end) = fields().ok_or(ArtifactError::Format)?;
        let mut bytes = bytes;
        bytes.truncate(end);
        if made_for == target() {
            Ok(Self { target: made_for, digest, bytes, code })
        } else {
            Err(ArtifactError::Target(made_for))
        }
    }
}

/// A field, and what stands behind it.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, after) = bytes.split_first_chunk::<4>()?;
    after.split_at_checked(u32::from_le_bytes(*length) as usize)
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Artifact({}, {} bytes for {})", self.digest, self.size(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_survives_its_bytes_and_others_are_refused() {
        let made = |target: &str| Artifact {
            target: target.to_owned(),
            digest: "ab".to_owned(),
            bytes: vec![1, 2, 3],
            code: 0,
        };
        let bytes = made(target()).to_bytes();
        let read = Artifact::from_bytes(bytes.clone()).expect("what was written");
        assert_eq!((read.digest(), read.code(), read.size()), ("ab", &[1, 2, 3][..], 3));
        assert_eq!(read.to_bytes(), bytes);
        assert_eq!(Artifact::from_bytes(bytes[..bytes.len() - 1].to_vec()), Err(ArtifactError::Format));
        assert_eq!(Artifact::from_bytes(b"\0asm".to_vec()), Err(ArtifactError::Format));
        let other = made("riscv").to_bytes();
        assert_eq!(Artifact::from_bytes(other), Err(ArtifactError::Target("riscv".to_owned())));
    }
}
