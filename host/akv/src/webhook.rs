//! `akv2k8s webhook`: admission of pods and of our own resources, and the auth service.

mod admission;
pub mod args;
mod audit;
mod authority;
mod broker;
mod certificate;
mod cluster;
mod error;
mod image;
mod legacy;
mod metrics;
mod originals;
mod plugin;
mod ports;
mod registration;
mod registries;
mod resources;
mod review;
mod serving;
mod settings;
mod start;
mod state;
mod validate;
mod watch;

pub use args::WebhookArgs;
pub use error::WebhookError;
pub use start::{Prepared, run};
