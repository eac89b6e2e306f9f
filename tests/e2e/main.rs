//! The product on a node: one binary, so that all tests share one.

mod examples;
mod injected_canary;
mod injected_directly;
mod injected_faults;
mod injected_outlives;
mod injected_restarts;
mod injected_same_bytes;
mod network;
mod pods;
mod registries;
mod shapes;
mod tokens;
mod webhook;
