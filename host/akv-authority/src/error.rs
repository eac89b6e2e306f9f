//! What can be wrong with certificates.

use thiserror::Error;

/// A certificate or key that cannot be used or made. It holds no key material.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A part of what was stored is missing.
    #[error("{0} is missing")]
    Missing(String),
    /// A part of what was stored is not PEM of its kind.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, String),
    /// Making or signing failed.
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A signing request that is none.
    #[error("the signing request is not valid: {0}")]
    Request(String),
    /// A peer that did not prove who it is.
    #[error("the certificate of the peer is not accepted: {0}")]
    Peer(String),
}
