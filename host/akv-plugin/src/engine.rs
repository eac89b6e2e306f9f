//! The one engine of a process, its settings and its clock.

use crate::made_for::native;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use thiserror::Error;
use wasmtime::Config;

/// The epoch advances so often. A deadline is as exact as this.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The engine could not be made.
#[derive(Debug, Error)]
#[error("the plugin engine could not be started: {0}")]
pub struct EngineError(String);

/// A compiled plugin cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Made by another version, with other settings or for another processor.
    #[error("the compiled plugin does not fit this engine ({0}); compile it again")]
    Incompatible(String),
    /// It does not export what its kind must, in the shapes of the WIT.
    #[error("the plugin does not fit akv2k8s:plugin: {0}")]
    Shape(String),
    /// The trial run failed.
    #[error("the plugin failed its trial run: {0}")]
    Trial(akv_core::PluginFault),
    /// The schema of its config is none.
    #[error("the plugin's config schema is not valid: {0}")]
    Schema(String),
}

/// Loads plugins. One for each process; cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<wasmtime::Engine>);

impl Engine {
    /// Starts the engine and its clock.
    pub fn new() -> Result<Self, EngineError> {
        let engine = build_for(native())?;
        let weak = engine.weak();
        // A plain thread: an async runtime that is busy would stop the clock. It ends with the engine.
        let clock = thread::Builder::new().name("plugin-clock".to_owned()).spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        });
        clock.map_err(|e| EngineError(e.to_string()))?;
        Ok(Self(Arc::new(engine)))
    }

    pub(crate) fn inner(&self) -> &wasmtime::Engine {
        &self.0
    }
}

/// One function makes the engine of every program, since code compiled under other settings is refused.
pub(crate) fn build_for(target: &str) -> Result<wasmtime::Engine, EngineError> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(true)
        .concurrency_support(false)
        .native_unwind_info(false)
        .generate_address_map(false)
        .debug_symbols(false)
        .wasm_backtrace_max_frames(None)
        .max_wasm_stack(256 << 10)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false);
    #[cfg(feature = "compile")]
    config.cranelift_nan_canonicalization(true);
    // An explicit target keeps features of this very processor out of the code.
    config.target(target).map_err(|e| EngineError(e.to_string()))?;
    wasmtime::Engine::new(&config).map_err(|e| EngineError(e.to_string()))
}
