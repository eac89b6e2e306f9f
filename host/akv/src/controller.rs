//! `akv2k8s controller`: watch and poll, read, render, apply, report.

pub mod args;
mod context;
pub(crate) mod crd;
mod digest_key;
mod error;
mod forget;
mod index;
mod leader;
mod leaving;
mod metrics;
pub(crate) mod outcome;
pub mod plugin_source;
pub(crate) mod plugins;
mod reconcile;
mod settings;
mod start;
mod status;
mod sync;
mod targets;
mod term;
pub(crate) mod unreadable;
mod write;

pub use args::ControllerArgs;
pub use error::ControllerError;
pub use start::{Prepared, run};
