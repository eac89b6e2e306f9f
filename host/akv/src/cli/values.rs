//! Vault objects from a file, in the form of local-vault's seed: what of it holds values is read, the rest is left alone.

use super::exit::Stop;
use akv_api::reason::{OBJECT_DISABLED, OBJECT_NOT_FOUND};
use akv_core::{Description, ObjectKind, Part, SecretValue, VaultName, VaultObject};
use k8s_openapi::ByteString;
use p12_keystore::Pkcs12Archive;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The version of an object whose entry names none.
const NO_VERSION: &str = "00000000000000000000000000000000";
const PEM: &str = "application/x-pem-file";
const PKCS12: &str = "application/x-pkcs12";

/// The file.
#[derive(Deserialize)]
pub struct Values {
    #[serde(default)]
    vaults: Vec<Vault>,
}

#[derive(Deserialize)]
struct Vault {
    name: String,
    #[serde(default)]
    secrets: Vec<Secret>,
    #[serde(default)]
    certificates: Vec<Certificate>,
    #[serde(default)]
    keys: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secret {
    name: String,
    value: String,
    content_type: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    enabled: Option<bool>,
    nbf: Option<i64>,
    exp: Option<i64>,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    name: String,
    content_type: Option<String>,
    pem: Option<String>,
    pfx: Option<String>,
}

#[derive(Deserialize)]
struct Key {
    name: String,
    jwk: Option<serde_json::Value>,
}

/// A reason and a sentence.
type Missing = (&'static str, String);

impl Values {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self, Stop> {
        let text = super::manifest::text(file)?;
        // The parser's message may repeat a part of the text, which holds values: only the place is shown.
        serde_yaml_ng::from_str(&text).map_err(|e| {
            let place = e.location().map(|l| format!(":{}:{}", l.line(), l.column())).unwrap_or_default();
            Stop::usage(format!("{}{place}: this is not the form of local-vault's seed: vaults, each with a name, secrets, certificates and keys", file.display()))
        })
    }

    /// An object with the parts that were asked for, as the vault would give it.
    pub fn object(
        &self,
        vault: &VaultName,
        description: &Description,
        parts: &BTreeSet<Part>,
    ) -> Result<VaultObject, Missing> {
        let (kind, name) = (description.object.kind, &description.object.name);
        let missing = |what: &str| (OBJECT_NOT_FOUND, format!("the values file has no {what}"));
        let found = self.vaults.iter().find(|v| v.name.eq_ignore_ascii_case(vault.as_str()));
        let found = found.ok_or_else(|| missing(&format!("vault {vault}")))?;
        let is = |n: &str| n.eq_ignore_ascii_case(name.as_str());
        let absent = || missing(&format!("{} {name} in vault {vault}", kind.as_str()));
        let mut object = VaultObject {
            description: description.clone(),
            version: description.object.version.as_ref().map_or(NO_VERSION, |v| v.as_str()).to_owned(),
            content_type: None,
            tags: Vec::new(),
            public: None,
            private: None,
            expires: None,
            not_before: None,
        };
        match kind {
            ObjectKind::Secret | ObjectKind::MultiKeyValueSecret => {
                let asked = description.object.version.as_ref().map(|v| v.as_str());
                let mut versions = found.secrets.iter().filter(|s| is(&s.name));
                // The last of several entries is the newest version.
                let secret = versions.rfind(|s| asked.is_none() || s.version.as_deref() == asked);
                let Some(secret) = secret else {
                    let certificate = found.certificates.iter().find(|c| is(&c.name)).ok_or_else(absent)?;
                    let (content_type, private, _) = certificate.parts()?;
                    object.content_type = Some(content_type.to_owned());
                    object.private = parts.contains(&Part::Private).then_some(private);
                    return Ok(object);
                };
                if secret.enabled == Some(false) {
                    return Err((OBJECT_DISABLED, format!("secret {name} of vault {vault} is disabled")));
                }
                object.version = secret.version.clone().unwrap_or(object.version);
                object.content_type.clone_from(&secret.content_type);
                object.tags = secret.tags.clone().into_iter().collect();
                (object.expires, object.not_before) = (secret.exp, secret.nbf);
                object.private =
                    parts.contains(&Part::Private).then(|| SecretValue::new(secret.value.clone().into_bytes()));
            }
            ObjectKind::Certificate => {
                let certificate = found.certificates.iter().find(|c| is(&c.name)).ok_or_else(absent)?;
                let (content_type, private, public) = certificate.parts()?;
                object.content_type = Some(content_type.to_owned());
                object.public = Some(public);
                object.private = parts.contains(&Part::Private).then_some(private);
            }
            ObjectKind::Key => {
                let key = found.keys.iter().find(|k| is(&k.name)).ok_or_else(absent)?;
                let jwk = key
                    .jwk
                    .as_ref()
                    .ok_or_else(|| missing(&format!("`jwk` for key {name}: a key cannot be made offline")))?;
                object.public = Some(jwk.to_string().into_bytes());
            }
        }
        Ok(object)
    }
}

impl Certificate {
    /// Content type, backing secret, and the DER of the key's own certificate.
    fn parts(&self) -> Result<(&'static str, SecretValue, Vec<u8>), Missing> {
        let missing = |what: &str| (OBJECT_NOT_FOUND, format!("certificate {} of the values file {what}", self.name));
        match (&self.pem, &self.pfx, self.content_type.as_deref().unwrap_or(PKCS12)) {
            (Some(pem), None, PEM) => {
                let block = pem
                    .split_once("-----BEGIN CERTIFICATE-----")
                    .and_then(|(_, r)| r.split_once("-----END CERTIFICATE-----"));
                let leaf = block
                    .and_then(|(body, _)| base64(body))
                    .ok_or_else(|| missing("holds no certificate in its pem"))?;
                Ok((PEM, SecretValue::new(pem.clone().into_bytes()), leaf))
            }
            (None, Some(pfx), PKCS12) => {
                let text: String = pfx.split_ascii_whitespace().collect();
                let archive = base64(&text).and_then(|der| Pkcs12Archive::from_pkcs12(&der, "").ok());
                let archive = archive.ok_or_else(|| missing("is no PKCS#12 file in base64 with an empty password"))?;
                let id = archive.keys.first().and_then(|k| k.local_key_id.as_ref()).map(|id| id.0.clone());
                let leaf =
                    archive.certs.iter().find(|c| id.is_some() && c.local_key_id == id).or(archive.certs.first());
                let leaf = leaf.ok_or_else(|| missing("holds no certificate in its pfx"))?.cert.as_der().to_vec();
                Ok((PKCS12, SecretValue::new(text.into_bytes()), leaf))
            }
            _ => Err(missing(
                "has to be given as `pfx`, or as `pem` with contentType application/x-pem-file: none is made offline",
            )),
        }
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_ascii_whitespace().collect();
    serde_json::from_value::<ByteString>(text.into()).ok().map(|bytes| bytes.0)
}
