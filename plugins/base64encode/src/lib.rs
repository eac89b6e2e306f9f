//! The plugin `base64encode`; the pure function is [`encode`].

pub mod encode;

guest::transform!(crate::encode::check, crate::encode::apply, schema: Some(include_str!("../schema.json")));
