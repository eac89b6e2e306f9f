//! A resource as it comes from a file, from the API server or from the service.

use crate::failure::Failure;
use crate::patience::{DEADLINE, Patience};
use akv_api::AzureKeyVaultSecretSpec;
use akv_core::Recipe;
use serde_json::Value;

/// What a spec asks for.
pub fn recipe(name: &str, spec: Value) -> Result<Recipe, Failure> {
    let spec: AzureKeyVaultSecretSpec =
        serde_json::from_value(spec).map_err(|error| Failure::new(format!("resource {name}: spec: {error}")))?;
    let (recipe, _) = Recipe::parse(&spec).map_err(|faults| {
        let faults = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Failure::new(format!("resource {name}: {faults}"))
    })?;
    Ok(recipe)
}

/// Runs what is async, until the deadline. One thread is enough: the work is waiting.
pub fn block_on<T>(patience: Patience, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("the runtime could not be started: {error}")))?;
    let result = runtime.block_on(patience.within(work));
    // A look-up of a name that hangs is a thread that hangs; nobody waits for it.
    runtime.shutdown_background();
    result.unwrap_or_else(|| Err(Failure::new(format!("the values could not be had within {} s", DEADLINE.as_secs()))))
}
