//! `akv2k8s controller`: watch and poll, read, render, apply, report.

pub mod args;
mod context;
mod crd;
mod digest_key;
mod index;
mod leader;
mod metrics;
mod outcome;
pub mod plugin_source;
mod plugins;
mod reconcile;
mod settings;
mod start;
mod status;
mod sync;
mod targets;
mod unreadable;
mod write;

pub use args::ControllerArgs;
pub use start::{ControllerError, run};
