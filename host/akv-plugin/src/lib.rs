//! Runs plugins; the only crate that names wasmtime and the WIT.
