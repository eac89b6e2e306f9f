//! Decisions: values in, values out; no I/O, no clock, no randomness.

pub mod auth;
pub mod digest;
pub mod fault;
pub mod inject;
pub mod limits;
pub mod metadata;
pub mod name;
pub mod object;
pub mod parse;
pub mod plugin;
pub mod plugin_spec;
pub mod policy;
pub mod recipe;
pub mod retry;
pub mod secret_value;
mod syntax;
pub mod target;
pub mod variable;

pub use fault::{Fault, Warning};
pub use name::{Alias, NameError, ObjectName, ObjectVersion, PluginName, VaultName};
pub use object::{Description, ObjectKind, ObjectRef, Part, VaultObject};
pub use plugin::{Blame, Entry, PluginFault};
pub use recipe::{Format, Metadata, Output, Recipe, Step, Target};
pub use secret_value::SecretValue;
