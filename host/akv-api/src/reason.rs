//! The reasons of conditions and events, one list for everything that speaks.

/// Everything is in the target as the resource says.
pub const SYNCED: &str = "Synced";
/// The resource itself is wrong.
pub const INVALID_SPEC: &str = "InvalidSpec";
/// The policy of the installation does not let this namespace use this vault or object.
pub const NOT_ALLOWED: &str = "NotAllowed";
/// No plugin of that name, or none that this namespace may use.
pub const PLUGIN_NOT_FOUND: &str = "PluginNotFound";
/// The plugin exists and cannot be used: its source or its bytes are bad.
pub const PLUGIN_NOT_READY: &str = "PluginNotReady";
/// The plugin refused its config.
pub const INVALID_CONFIG: &str = "InvalidConfig";
/// The plugin cannot make the output of this vault object.
pub const INVALID_INPUT: &str = "InvalidInput";
/// The plugin broke a limit or a promise.
pub const PLUGIN_FAILED: &str = "PluginFailed";
/// The vault says that there is no such object.
pub const OBJECT_NOT_FOUND: &str = "ObjectNotFound";
/// The object is disabled.
pub const OBJECT_DISABLED: &str = "ObjectDisabled";
/// The object's `nbf` is in the future.
pub const OBJECT_NOT_YET_VALID: &str = "ObjectNotYetValid";
/// The identity may not read the object.
pub const VAULT_FORBIDDEN: &str = "VaultForbidden";
/// The vault did not accept the token.
pub const VAULT_UNAUTHORIZED: &str = "VaultUnauthorized";
/// The token service gave no token.
pub const IDENTITY_FAILED: &str = "IdentityFailed";
/// The vault asked to come back later.
pub const VAULT_THROTTLED: &str = "VaultThrottled";
/// The vault could not be reached, or answered with an error of its own.
pub const VAULT_UNAVAILABLE: &str = "VaultUnavailable";
/// The target exists and belongs to somebody else.
pub const TARGET_NOT_OWNED: &str = "TargetNotOwned";
/// An older resource owns the same key of the same target.
pub const KEY_CONFLICT: &str = "KeyConflict";
/// The API server refused the target.
pub const TARGET_REFUSED: &str = "TargetRefused";
