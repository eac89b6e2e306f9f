//! The plugin `trim`; the pure function is [`trim`].

pub mod trim;

guest::transform!(crate::trim::check, crate::trim::apply, schema: Some(include_str!("../schema.json")));
