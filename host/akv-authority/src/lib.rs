//! The certificates of the webhook and of pods.
//!
//! A root of ten years stands in the spec of every pod that was admitted and signs nothing but intermediates. An
//! intermediate lives for weeks and signs what is used: the serving certificate and the pods' certificates of minutes. So
//! keys rotate, and a pod that was admitted long ago still knows whom to trust.
//!
//! Everything here is a function of its arguments, a time among them, and of fresh keys.

mod bundle;
mod end;
mod error;
mod issue;
mod key;
mod peer;

pub use bundle::{Bundle, Pair};
pub use end::end;
pub use error::AuthorityError;
pub use issue::{Serving, cross_signed, pod_certificate, serving};
pub use peer::Peers;

use time::Duration;

/// How long certificates live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// The root. It ends with the installation.
    pub root: Duration,
    /// An intermediate. The next one is made when half of it is over.
    pub intermediate: Duration,
    /// The serving certificate. The next one is made when half of it is over.
    pub serving: Duration,
    /// A pod's certificate.
    pub pod: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            root: Duration::days(3652),
            intermediate: Duration::days(60),
            serving: Duration::days(14),
            pod: Duration::minutes(5),
        }
    }
}

/// Certificates begin a little before they are made: the clocks of nodes differ.
const SKEW: Duration = Duration::minutes(2);
