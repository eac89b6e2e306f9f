//! Runs plugins; the only crate that names wasmtime and the WIT.
//!
//! Calls are synchronous and CPU-bound: an async caller leaves its threads first (`spawn_blocking`).

mod answer;
pub mod artifact;
mod binding;
mod call;
#[cfg(feature = "compile")]
pub mod compile;
mod convert;
pub mod engine;
pub mod inspect;
pub mod limits;
pub mod made_for;
pub mod plugin;
pub mod render;
mod schema;
mod signal_stack;
pub mod unpack;

pub use artifact::{Artifact, ArtifactError};
#[cfg(feature = "compile")]
pub use compile::{CompileError, compile, compile_for, compile_in_child, compile_stdin_to_stdout};
pub use engine::{Engine, EngineError, LoadError};
pub use inspect::{Inspection, Kind, Refusal, digest, inspect};
pub use limits::{Limits, Usage};
pub use plugin::{Info, Plugin, Plugins};
pub use unpack::{UnpackError, unpack};
