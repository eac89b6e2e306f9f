//! The plugin `files`: templates over vault objects. [`plugin`] has the three functions, [`judge`] finds what is wrong
//! whatever the values are and [`uses`] which parts a template reads, both in its syntax [`tree`]; [`context`] is what it
//! sees, [`filters`] is what it can call.

pub mod context;
pub mod filters;
pub mod judge;
pub mod plugin;
pub mod tree;
pub mod uses;

guest::output!(crate::plugin::check, crate::plugin::needs, crate::plugin::render, schema: Some(include_str!("../schema.json")));
