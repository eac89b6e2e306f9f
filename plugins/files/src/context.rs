//! What a template sees: `objects.<alias>` with these fields.
//!
//! | field | of | what |
//! |---|---|---|
//! | `value` | every kind but multi-key | the text of a secret, a certificate's public chain as PEM, a key as PEM |
//! | `values` | multi-key | the pairs |
//! | `base64` | secrets, multi-key | the value, or every pair, in base64: for bytes that are no text |
//! | `certificate`, `chain`, `privateKey` | certificates | public chain; every certificate of the backing secret; its key: PEM |
//! | `jwk` | keys | the JSON Web Key |
//! | `name`, `kind`, `version`, `contentType`, `tags` | every kind | what the vault says |

use base64::{Engine, engine::general_purpose::STANDARD};
use entry::{KeyFormat, at, private};
use guest::Fault;
use guest::output::Object;
use material::Bundle;
use minijinja::{Error, ErrorKind, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A template took bytes that are no text as one: those of the object under this alias.
#[derive(Debug)]
pub struct NotText(pub String);

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of {} is no text", self.0)
    }
}

impl std::error::Error for NotText {}

/// All objects by alias.
pub fn objects(objects: &[Object]) -> Result<Value, Fault> {
    let fields = objects.iter().map(|o| Ok((o.description.alias.clone(), object(o)?)));
    fields.collect::<Result<Vec<_>, Fault>>().map(mapping)
}

fn object(object: &Object) -> Result<Value, Fault> {
    let tags = mapping(object.tags.iter().map(|(k, v)| (k.clone(), Value::from(v.clone()))));
    let mut fields = vec![
        ("kind", Value::from(object.description.kind.clone())),
        ("version", Value::from(object.version.clone())),
        ("contentType", Value::from(object.content_type.clone().unwrap_or_default())),
        ("tags", tags),
    ];
    match object.description.kind.as_str() {
        "secret" => {
            let value = private(object)?;
            fields.push(("base64", Value::from(STANDARD.encode(value))));
            fields.push(("value", text(object, value.to_vec())));
        }
        "certificate" => certificate(object, &mut fields)?,
        "key" => {
            fields.push(("value", text(object, entry::key(object, Some(KeyFormat::Pem), false)?)));
            fields.push(("jwk", text(object, entry::key(object, Some(KeyFormat::Jwk), false)?)));
        }
        _ => {
            let pairs = entry::pairs(object)?;
            let base64 = pairs.iter().map(|(k, v)| (k.clone(), Value::from(STANDARD.encode(v))));
            fields.push(("base64", mapping(base64)));
            fields.push(("values", mapping(pairs.into_iter().map(|(k, v)| (k, text(object, v))))));
        }
    }
    Ok(mapping(fields))
}

fn mapping<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Value)>) -> Value {
    Value::from(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect::<BTreeMap<String, Value>>())
}

fn certificate(object: &Object, fields: &mut Vec<(&str, Value)>) -> Result<(), Fault> {
    if object.public.is_some() {
        let pem = text(object, entry::certificate_pem(object)?);
        fields.push(("value", pem.clone()));
        fields.push(("certificate", pem));
    }
    if let Some(secret) = &object.private {
        let bundle = Bundle::of_certificate(object.content_type.as_deref(), secret).map_err(at(object))?.server_first();
        fields.push(("chain", Value::from(bundle.certificates_pem().map_err(at(object))?)));
        if bundle.key.is_some() {
            fields.push(("privateKey", Value::from(bundle.key_pem().map_err(at(object))?)));
        }
    }
    Ok(())
}

/// A text, or a value that fails wherever it is used.
fn text(object: &Object, bytes: Vec<u8>) -> Value {
    String::from_utf8(bytes).map_or_else(
        |_| {
            let cause = NotText(object.description.alias.clone());
            Error::new(ErrorKind::InvalidOperation, "the value is no text").with_source(cause).into()
        },
        Value::from,
    )
}
