//! What can go wrong below HTTP, in the SDK's clothes.

use std::error::Error as StdError;

use azure_core::error::{Error, ErrorKind};
use thiserror::Error as ThisError;

/// A secret has at most 25 kB, a certificate with its policy some 50: what is longer comes from no vault.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// What went wrong below HTTP.
#[derive(Debug, ThisError)]
pub(crate) enum WireFault {
    #[error("TLS failed: {0}")]
    Tls(String),
    #[error("{0}")]
    Name(String),
    #[error("no connection: {0}")]
    Connect(String),
    #[error("no answer in time")]
    Slow,
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("the answer is longer than {LARGEST_BODY} bytes")]
    Large,
    #[error("a request would have left its host for {0}")]
    OtherHost(String),
}

/// An error of ours in the SDK's clothes.
pub(crate) fn error(kind: ErrorKind, fault: WireFault) -> Error {
    let message = fault.to_string();
    Error::with_error(kind, fault, message)
}

/// The first error of type `T` in a chain. An I/O error does not name what it wraps as its source, so it is opened too.
pub(crate) fn find<'a, T: StdError + 'static>(top: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut current = Some(top);
    while let Some(fault) = current {
        if let Some(found) = fault.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(inner) = fault.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            return find(inner);
        }
        current = fault.source();
    }
    None
}
