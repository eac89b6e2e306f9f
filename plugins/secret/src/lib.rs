//! The plugin `secret`: the data of a Secret ([`data`]), or the value of a variable ([`variable`]).

pub mod config;
pub mod data;
pub mod plugin;
pub mod variable;

guest::output!(crate::plugin::check, crate::plugin::needs, crate::plugin::render, schema: Some(include_str!("../schema.json")));
