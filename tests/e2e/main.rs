//! The product on a node: one binary, so that all tests share one.

mod network;
mod pods;
mod tokens;
mod webhook;
