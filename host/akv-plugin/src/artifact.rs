//! Compiled code with what is needed to know whether it may be loaded.

use crate::engine::target;
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
    code: Vec<u8>,
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
    pub(crate) fn new(digest: String, code: Vec<u8>) -> Self {
        Self { target: target().to_owned(), digest, code }
    }

    /// SHA-256 of the component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Bytes of compiled code.
    pub fn size(&self) -> usize {
        self.code.len()
    }

    pub(crate) fn code(&self) -> &[u8] {
        &self.code
    }

    /// The format above.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for field in [self.target.as_bytes(), self.digest.as_bytes(), &self.code] {
            bytes.extend(u32::try_from(field.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(field);
        }
        bytes
    }

    /// Reads the format above; code for another processor is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(ArtifactError::Format)?;
        let mut field = || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (field, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            Some(field.to_vec())
        };
        let (target_bytes, digest, code) = (|| Some((field()?, field()?, field()?)))().ok_or(ArtifactError::Format)?;
        let text = |bytes| String::from_utf8(bytes).map_err(|_| ArtifactError::Format);
        let artifact = Self { target: text(target_bytes)?, digest: text(digest)?, code };
        if artifact.target == target() { Ok(artifact) } else { Err(ArtifactError::Target(artifact.target)) }
    }
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Artifact({}, {} bytes for {})", self.digest, self.code.len(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_survives_its_bytes_and_others_are_refused() {
        let artifact = Artifact { target: target().to_owned(), digest: "ab".to_owned(), code: vec![1, 2, 3] };
        let bytes = artifact.to_bytes();
        assert_eq!(Artifact::from_bytes(&bytes), Ok(artifact.clone()));
        assert_eq!(Artifact::from_bytes(&bytes[..bytes.len() - 1]), Err(ArtifactError::Format));
        assert_eq!(Artifact::from_bytes(b"\0asm"), Err(ArtifactError::Format));
        let other = Artifact { target: "riscv".to_owned(), ..artifact };
        assert_eq!(Artifact::from_bytes(&other.to_bytes()), Err(ArtifactError::Target("riscv".to_owned())));
    }
}
