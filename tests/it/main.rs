//! The product against a real API server: one binary, so that all tests share one.

mod cluster;
mod faults;
mod manifests;
mod sync;
