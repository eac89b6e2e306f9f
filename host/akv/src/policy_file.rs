//! The file of `--vault-access-policy`, for the controller, `lint` and `render`.

use akv_core::policy::Policy;
use std::path::Path;

/// Reads a policy. The error is a sentence with the place.
pub fn parse(text: &str) -> Result<Policy, String> {
    Policy::from_yaml(text)
}

/// Reads the file of a policy; without a file everything is allowed. The error names the file.
pub fn read(file: Option<&Path>) -> Result<Policy, String> {
    let Some(file) = file else {
        return Ok(Policy::default());
    };
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    parse(&text).map_err(|e| format!("{}: {e}", file.display()))
}
