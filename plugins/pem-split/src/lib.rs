//! The plugin `pem-split`; the pure function is [`split`].

pub mod split;

guest::transform!(crate::split::check, crate::split::apply, schema: Some(include_str!("../schema.json")));
