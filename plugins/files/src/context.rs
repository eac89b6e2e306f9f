//! What a template sees: `objects.<alias>` with these fields.
//!
//! | field | of | what |
//! |---|---|---|
//! | `value` | every kind but multi-key | the text of a secret, a certificate's public chain as PEM, a key as PEM |
//! | `values` | multi-key | the pairs |
//! | `base64` | secrets | the value in base64, for bytes that are no text |
//! | `certificate`, `chain`, `privateKey` | certificates | public chain; every certificate of the backing secret; its key: PEM |
//! | `jwk` | keys | the JSON Web Key |
//! | `name`, `kind`, `version`, `contentType`, `tags` | every kind | what the vault says |

use base64::{Engine, engine::general_purpose::STANDARD};
use entry::{KeyFormat, at, private};
use guest::Fault;
use guest::output::Object;
use material::Bundle;
use serde_json::{Map, Value, json};

/// All objects by alias.
pub fn objects(objects: &[Object]) -> Result<Value, Fault> {
    objects
        .iter()
        .map(|o| Ok((o.description.alias.clone(), object(o)?)))
        .collect::<Result<Map<_, _>, Fault>>()
        .map(Value::Object)
}

fn object(object: &Object) -> Result<Value, Fault> {
    let tags: Map<String, Value> = object.tags.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    let mut fields = json!({
        "kind": object.description.kind,
        "version": object.version,
        "contentType": object.content_type.clone().unwrap_or_default(),
        "tags": tags,
    });
    match object.description.kind.as_str() {
        "secret" => {
            let value = private(object)?;
            fields["base64"] = json!(STANDARD.encode(value));
            // Bytes that are no text have no `value`; a template that wants it is told so.
            if let Ok(text) = std::str::from_utf8(value) {
                fields["value"] = json!(text);
            }
        }
        "certificate" => certificate(object, &mut fields)?,
        "key" => {
            fields["value"] = json!(text(entry::key(object, Some(KeyFormat::Pem), false)?));
            fields["jwk"] = json!(text(entry::key(object, Some(KeyFormat::Jwk), false)?));
        }
        _ => {
            let pairs = entry::pairs(object)?;
            fields["values"] = pairs.into_iter().map(|(k, v)| (k, json!(text(v)))).collect::<Map<_, _>>().into();
        }
    }
    Ok(fields)
}

fn certificate(object: &Object, fields: &mut Value) -> Result<(), Fault> {
    if object.public.is_some() {
        let pem = text(entry::certificate_pem(object)?);
        fields["value"] = json!(pem);
        fields["certificate"] = json!(pem);
    }
    if let Some(secret) = &object.private {
        let bundle = Bundle::of_certificate(object.content_type.as_deref(), secret).map_err(at(object))?.server_first();
        fields["chain"] = json!(bundle.certificates_pem().map_err(at(object))?);
        if bundle.key.is_some() {
            fields["privateKey"] = json!(bundle.key_pem().map_err(at(object))?);
        }
    }
    Ok(())
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
