//! Who may write what into a Secret or ConfigMap, and whether anything has to be written.
//!
//! Every resource applies with a field manager of its own, so the API server itself remembers which keys, labels and
//! annotations are whose. What stands here reads that memory and decides; nothing here talks to a server.

pub mod decide;
pub mod live;
pub mod managed;
pub mod release;

pub use decide::{Claimant, Desired, Refusal, Verdict, decide};
pub use live::{Live, Owner};
pub use managed::{FieldManager, ManagedEntry};
pub use release::{Release, release};

#[cfg(test)]
mod tests;
