//! The plugin `json-field`; the pure function is [`field`].

pub mod field;

guest::transform!(crate::field::check, crate::field::apply, schema: Some(include_str!("../schema.json")));
