//! The command line of an image that the pod does not state.

use super::state::State;
use akv_core::inject::{ImageCommand, Wrap};
use serde_json::Value;

/// Asks the image's registry.
///
/// # Errors
/// A sentence that says how to do without.
pub async fn command(_state: &State, _namespace: &str, _pod: &Value, wrap: &Wrap) -> Result<ImageCommand, String> {
    Err(format!(
        "container {} has no command, and that of its image {} is not known: set `command`, or the annotation spv.no/command.{}",
        wrap.name, wrap.image, wrap.name
    ))
}
