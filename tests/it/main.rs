//! The product against a real API server: one binary, so that all tests share one.

mod canary;
mod cluster;
mod crash;
mod custom_plugins;
mod doctor;
mod faults;
mod hostile;
mod legacy_ca;
mod manifests;
mod ownership;
mod plugin_fields;
mod restart;
mod sync;
mod webhook;
