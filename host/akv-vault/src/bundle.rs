//! The bodies in which a vault gives its objects: "bundles", in the words of its REST reference
//! (<https://learn.microsoft.com/rest/api/keyvault/>). Read into structures of our own, since the SDK's models cannot be
//! written out again.

use std::collections::BTreeMap;

use akv_core::{ObjectVersion, SecretValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// What every kind of object has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Common {
    pub(crate) version: ObjectVersion,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) expires: Option<i64>,
    pub(crate) not_before: Option<i64>,
}

/// A secret; no `Debug`, for its value.
pub(crate) struct Secret {
    pub(crate) common: Common,
    pub(crate) content_type: Option<String>,
    pub(crate) value: SecretValue,
}

/// A certificate without its key.
pub(crate) struct Certificate {
    pub(crate) common: Common,
    /// The content type of its backing secret, from its policy.
    pub(crate) content_type: Option<String>,
    pub(crate) der: Vec<u8>,
}

/// A key's public half.
pub(crate) struct Key {
    pub(crate) common: Common,
    /// The JSON Web Key (RFC 7517) as text.
    pub(crate) jwk: Vec<u8>,
}

#[derive(Deserialize)]
struct Attributes {
    enabled: Option<bool>,
    exp: Option<i64>,
    nbf: Option<i64>,
}

type Tags = Option<BTreeMap<String, Option<String>>>;

fn common(id: &str, attributes: Option<Attributes>, tags: Tags) -> Result<Common, Failure> {
    let version = id
        .rsplit('/')
        .next()
        .and_then(|text| ObjectVersion::parse(text).ok())
        .ok_or_else(|| unusable("its id names no version"))?;
    let attributes = attributes.unwrap_or(Attributes { enabled: None, exp: None, nbf: None });
    if attributes.enabled == Some(false) {
        return Err(Failure::disabled());
    }
    Ok(Common {
        version,
        tags: tags.unwrap_or_default().into_iter().map(|(name, text)| (name, text.unwrap_or_default())).collect(),
        expires: attributes.exp,
        not_before: attributes.nbf,
    })
}

impl Secret {
    /// Reads a secret bundle.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Bundle {
            id: String,
            value: String,
            content_type: Option<String>,
            attributes: Option<Attributes>,
            tags: Tags,
        }
        let bundle: Bundle = parse(body)?;
        let value = SecretValue::new(bundle.value.into_bytes());
        Ok(Self {
            common: common(&bundle.id, bundle.attributes, bundle.tags)?,
            content_type: bundle.content_type,
            value,
        })
    }
}

impl Certificate {
    /// Reads a certificate bundle.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Bundle {
            id: String,
            cer: String,
            attributes: Option<Attributes>,
            tags: Tags,
            policy: Option<Policy>,
        }
        #[derive(Deserialize)]
        struct Policy {
            secret_props: Option<SecretProps>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct SecretProps {
            content_type: Option<String>,
        }
        let bundle: Bundle = parse(body)?;
        Ok(Self {
            common: common(&bundle.id, bundle.attributes, bundle.tags)?,
            content_type: bundle.policy.and_then(|policy| policy.secret_props).and_then(|props| props.content_type),
            der: STANDARD.decode(&bundle.cer).map_err(|_| unusable("`cer` is no base64"))?,
        })
    }
}

impl Key {
    /// Reads a key bundle.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Bundle {
            key: serde_json::Map<String, serde_json::Value>,
            attributes: Option<Attributes>,
            tags: Tags,
        }
        let mut bundle: Bundle = parse(body)?;
        // A vault gives no private member (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1); should one ever come, it is not public.
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "key_hsm"] {
            bundle.key.remove(private);
        }
        let id = bundle.key.get("kid").and_then(|kid| kid.as_str()).unwrap_or_default();
        let common = common(id, bundle.attributes, bundle.tags)?;
        let jwk = serde_json::to_vec(&bundle.key).map_err(|_| unusable("its key cannot be written"))?;
        Ok(Self { common, jwk })
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    // The parser's message may quote the body: only its place counts.
    serde_json::from_slice(body).map_err(|fault| unusable(&format!("line {}, column {}", fault.line(), fault.column())))
}

fn unusable(what: &str) -> Failure {
    Failure::unavailable(
        format!("the vault answered 200 with a body that is no object of Key Vault ({what})"),
        "check the cloud and any proxy; it is tried again later",
    )
}

#[cfg(test)]
mod tests {
    use akv_api::reason;

    use super::*;

    const VERSION: &str = "4387e9f3d6e14c459867679a90fd0f79";

    #[test]
    fn a_secret_keeps_its_bytes_and_everything_that_describes_it() {
        let body = format!(
            r#"{{"value":"s3cr3t\r\nä","contentType":"text/plain","id":"https://v.vault.azure.net/secrets/db/{VERSION}",
                "attributes":{{"enabled":true,"nbf":1,"exp":2,"created":3}},"tags":{{"k":"v","e":null}},"managed":true}}"#
        );
        let Ok(secret) = Secret::read(body.as_bytes()) else { panic!("a good bundle") };
        assert_eq!(secret.value.expose(), "s3cr3t\r\nä".as_bytes());
        assert_eq!(secret.content_type.as_deref(), Some("text/plain"));
        let tags = vec![("e".to_owned(), String::new()), ("k".to_owned(), "v".to_owned())];
        assert_eq!(secret.common.version.as_str(), VERSION);
        assert_eq!((secret.common.tags, secret.common.not_before, secret.common.expires), (tags, Some(1), Some(2)));
    }

    #[test]
    fn a_key_is_its_jwk_text_without_private_members() {
        let body = format!(
            r#"{{"key":{{"kid":"https://v/keys/k/{VERSION}","kty":"EC","key_ops":["sign"],"crv":"P-256","x":"AA","y":"AQ","d":"canary"}}}}"#
        );
        let Ok(key) = Key::read(body.as_bytes()) else { panic!("a good bundle") };
        let expected = format!(
            r#"{{"kid":"https://v/keys/k/{VERSION}","kty":"EC","key_ops":["sign"],"crv":"P-256","x":"AA","y":"AQ"}}"#
        );
        assert_eq!(String::from_utf8(key.jwk).expect("text"), expected);
    }

    #[test]
    fn a_certificate_is_its_der_and_names_its_secrets_content_type() {
        let body = format!(
            r#"{{"id":"https://v/certificates/c/{VERSION}","cer":"MAA=","policy":{{"secret_props":{{"contentType":"application/x-pkcs12"}}}}}}"#
        );
        let Ok(certificate) = Certificate::read(body.as_bytes()) else { panic!("a good bundle") };
        assert_eq!(certificate.der, [0x30, 0]);
        assert_eq!(certificate.content_type.as_deref(), Some("application/x-pkcs12"));
    }

    #[test]
    fn what_is_no_bundle_is_refused_without_being_quoted() {
        for body in [
            "<html>canary</html>",
            "",
            r#"{"value":"canary"}"#,
            r#"{"value":{"canary":1},"id":"x"}"#,
            r#"{"value":"canary","id":"https://v/secrets/db/canary"}"#,
            r#"{"value":"canary","id":"https://v/secrets/db/4387e9f3d6e14c459867679a90fd0f79"#,
        ] {
            let Err(failure) = Secret::read(body.as_bytes()) else { panic!("accepted: {body}") };
            assert_eq!(failure.reason, reason::VAULT_UNAVAILABLE);
            assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
        }
    }

    #[test]
    fn what_the_vault_calls_disabled_is_not_used() {
        let body =
            format!(r#"{{"id":"https://v/certificates/c/{VERSION}","cer":"MAA=","attributes":{{"enabled":false}}}}"#);
        let Err(failure) = Certificate::read(body.as_bytes()) else { panic!("accepted") };
        assert_eq!(failure.reason, reason::OBJECT_DISABLED);
    }
}
