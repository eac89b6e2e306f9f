//! What the webhook writes into pods, what pods and the auth service say to each other, and the grammar of references.
//!
//! A pod outlives releases: what stands here is frozen once it was released. A new shape is a new path (`/pod/v2/…`) or
//! an optional field; the two previous minor versions are served.

pub mod arguments;
pub mod identity;
pub mod message;
pub mod name;
pub mod reason;
pub mod reference;
pub mod value;

pub use arguments::Arguments;
pub use identity::PodIdentity;
pub use reference::{Piece, Reference, Text};
pub use value::WireValue;
