//! Signals, telemetry, admin endpoints; knows nothing of Kubernetes.

pub mod admin;
pub mod harden;
pub mod request;
pub mod signal;
pub mod telemetry;
pub mod tls;
