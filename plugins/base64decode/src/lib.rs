//! The plugin `base64decode`; the pure function is [`decode`].

pub mod decode;

guest::transform!(crate::decode::check, crate::decode::apply, schema: Some(include_str!("../schema.json")));
