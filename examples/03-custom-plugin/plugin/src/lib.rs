//! An output plugin for akv2k8s: a certificate object becomes a Java keystore, JKS or PKCS#12.
//!
//! The pure function is [`render::render`]; `guest` is the glue to the WIT. A plugin has neither a clock nor
//! randomness, so the same certificate, password and config give the same bytes: salts are derived from the key and the
//! password (see [`salt`]), dates are those of the certificate.

pub mod certificate;
pub mod config;
pub mod der;
pub mod fault;
#[cfg(target_family = "wasm")]
mod guest;
pub mod jks;
pub mod pkcs12;
pub mod render;
pub mod salt;
