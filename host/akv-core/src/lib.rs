//! Decisions: values in, values out; no I/O, no clock, no randomness.

pub mod fault;
pub mod name;
pub mod object;
pub mod plugin;
pub mod recipe;
pub mod retry;
pub mod secret_value;
pub mod target;

pub use fault::{Fault, Warning};
pub use name::{Alias, NameError, ObjectName, ObjectVersion, PluginName, VaultName};
pub use object::{Description, ObjectKind, ObjectRef, Part, VaultObject};
pub use plugin::{Blame, Entry, PluginFault};
pub use recipe::{Metadata, Output, Recipe, Step, Target};
pub use secret_value::SecretValue;
