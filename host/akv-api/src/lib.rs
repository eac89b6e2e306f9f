//! The custom resources, and every name that users see.

pub mod name;
pub mod reason;
pub mod secret;

pub use secret::{AzureKeyVaultSecret, AzureKeyVaultSecretSpec, AzureKeyVaultSecretStatus};
