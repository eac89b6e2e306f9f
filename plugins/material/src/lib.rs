//! Certificates, keys and multi-key values: parsing and writing. Used by the default outputs; no I/O, no randomness.

pub mod bundle;
pub mod chain;
pub mod fault;
pub mod jwk;
pub mod multi;
pub mod pem;
pub mod private_key;
mod yaml;

pub use bundle::Bundle;
pub use fault::Fault;
pub use private_key::PrivateKey;
