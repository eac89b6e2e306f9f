//! The reasons of conditions and events, one list for everything that speaks. `examples/troubleshooting.md` explains each of them.

/// Each reason as a constant, and the list of all.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $word;)*
        /// Every reason.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

reasons! {
    /// Everything is in the target as the resource says.
    SYNCED = "Synced";
    /// The resource itself is wrong.
    INVALID_SPEC = "InvalidSpec";
    /// The policy of the installation does not let this namespace use this vault or object.
    NOT_ALLOWED = "NotAllowed";
    /// No plugin of that name, or none that this namespace may use.
    PLUGIN_NOT_FOUND = "PluginNotFound";
    /// The plugin exists and cannot be used: its source or its bytes are bad.
    PLUGIN_NOT_READY = "PluginNotReady";
    /// The plugin refused its config.
    INVALID_CONFIG = "InvalidConfig";
    /// The plugin cannot make the output of this vault object.
    INVALID_INPUT = "InvalidInput";
    /// The plugin broke a limit or a promise.
    PLUGIN_FAILED = "PluginFailed";
    /// The vault says that there is no such object.
    OBJECT_NOT_FOUND = "ObjectNotFound";
    /// The object is disabled.
    OBJECT_DISABLED = "ObjectDisabled";
    /// The identity may not read the object.
    VAULT_FORBIDDEN = "VaultForbidden";
    /// The vault did not accept the token.
    VAULT_UNAUTHORIZED = "VaultUnauthorized";
    /// The token service gave no token.
    IDENTITY_FAILED = "IdentityFailed";
    /// The vault asked to come back later.
    VAULT_THROTTLED = "VaultThrottled";
    /// The vault could not be reached, or answered with an error of its own.
    VAULT_UNAVAILABLE = "VaultUnavailable";
    /// The target exists and belongs to somebody else.
    TARGET_NOT_OWNED = "TargetNotOwned";
    /// An older resource owns the same key of the same target.
    KEY_CONFLICT = "KeyConflict";
    /// The API server refused the target.
    TARGET_REFUSED = "TargetRefused";
    /// Of a plugin: it can be used.
    READY = "Ready";
}
