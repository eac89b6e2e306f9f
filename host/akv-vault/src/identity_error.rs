//! Why a credential of ours gave no token.

use thiserror::Error;

/// One sentence about a credential, for people; it holds neither token nor secret.
#[derive(Debug, Error)]
#[error("{said}")]
pub(crate) struct IdentityFault {
    /// What happened.
    pub(crate) said: String,
}

/// The fault as an error of the SDK, of the kind by which the classifier knows the token service.
pub(crate) fn identity_error(said: impl Into<String>) -> azure_core::Error {
    let said = said.into();
    azure_core::Error::with_error(azure_core::error::ErrorKind::Credential, IdentityFault { said: said.clone() }, said)
}
