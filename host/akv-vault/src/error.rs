//! Why an object could not be read, for the controller and for people.

use std::time::Duration;

use akv_api::reason;
use akv_core::{ObjectRef, VaultName};
use thiserror::Error;

use crate::failure::Failure;

/// A failed read. Its text names the vault and the object, says what the service said and what to do, in one sentence; it
/// holds no token and no value. The same failure gives the same text at every try, so that a condition need not be written
/// again; what differs from try to try is [`VaultError::request_id`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{object} in vault {vault}: {said}; {advice}")]
pub struct VaultError {
    vault: VaultName,
    object: String,
    reason: &'static str,
    said: String,
    advice: &'static str,
    retry_after: Option<Duration>,
    request_id: Option<String>,
}

impl VaultError {
    pub(crate) fn new(vault: &VaultName, object: &ObjectRef, failure: Failure) -> Self {
        let version = object.version.as_ref().map_or_else(String::new, |version| format!(" version {version}"));
        Self {
            vault: vault.clone(),
            object: format!("{} {}{version}", object.kind.as_str(), object.name),
            reason: failure.reason,
            said: failure.said,
            advice: failure.advice,
            retry_after: failure.retry_after,
            request_id: failure.request_id,
        }
    }

    /// A word of `akv_api::reason`.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// How long the service wants to be left alone, as it said it: an hour if it said so. Who waits caps it.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The service's name for the failed request, which Azure's support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Whether somebody has to do something before a further try can succeed.
    pub fn is_permanent(&self) -> bool {
        matches!(self.reason, reason::OBJECT_NOT_FOUND | reason::OBJECT_DISABLED | reason::VAULT_FORBIDDEN)
    }
}
