//! The custom resources, and every name that users see.

pub mod crd;
pub mod name;
pub mod plugin;
pub mod reason;
pub mod rule;
pub mod secret;

pub use plugin::{AzureKeyVaultPlugin, AzureKeyVaultPluginSpec, AzureKeyVaultPluginStatus};
pub use secret::{AzureKeyVaultSecret, AzureKeyVaultSecretSpec, AzureKeyVaultSecretStatus};
