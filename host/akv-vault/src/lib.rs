//! Key Vault over HTTPS; the only crate that names azure_*.
