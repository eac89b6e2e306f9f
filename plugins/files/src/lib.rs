//! The plugin `files`: templates over vault objects. [`plugin`] has the three functions, [`uses`] finds out which parts a
//! template reads, [`context`] is what it sees, [`filters`] is what it can call.

pub mod context;
pub mod filters;
pub mod plugin;
pub mod uses;

guest::output!(crate::plugin::check, crate::plugin::needs, crate::plugin::render, schema: Some(include_str!("../schema.json")));
