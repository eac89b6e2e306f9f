//! The plugin `config-map`; the pure functions are in [`data`].

pub mod data;

guest::output!(crate::data::check, crate::data::needs, crate::data::render, schema: Some(include_str!("../schema.json")));
