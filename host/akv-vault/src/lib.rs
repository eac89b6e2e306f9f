//! Key Vault over HTTPS; the only crate that names `azure_*`.
//!
//! A [`VaultClient`] is made once from [`Settings`] and shared. It reads one object at a time; what a resource wants is
//! decided elsewhere. Nothing here keeps, logs or prints a value: it goes from the response into a
//! [`akv_core::SecretValue`]. The buffers of ours on that way are wiped; those of TLS, HTTP and the SDK are merely freed.
//!
//! The traps of the SDK are handled where they bite: names are types before they become URLs, requests stay on their
//! host, retries are few and capped, error bodies are read by our own structures, and a token that the vault suddenly
//! refuses makes us start over with a fresh credential.

mod access;
mod assertion;
mod bundle;
mod chain;
mod cli;
mod client;
mod cloud;
mod cloud_config;
mod credential;
mod environment;
mod error;
mod failure;
mod given;
mod identity_error;
mod managed_identity;
mod plan;
mod policy;
mod read;
mod resolve;
mod retry_after;
mod roots;
mod settings;
mod settings_error;
mod signer;
mod text;
mod token_answer;
mod transport;
mod vault_answer;
mod wire_fault;

pub use access::AccessError;
pub use client::VaultClient;
pub use error::VaultError;
pub use given::Access;
pub use settings::{AuthType, Settings, Timeouts};
pub use settings_error::SettingsError;
