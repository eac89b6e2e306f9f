//! What is in the vaults, in memory. Names are compared without case, as Key Vault does.

use crate::certificates::{self, CertificateError};
use crate::jwt::now;
use crate::keys::{self, Key, KeyError};
use crate::seed::{Authorization, Certificate, CertificateForm, KeyType, Secret, Seed, SeedError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// An object cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// One version of an object: the JSON that Key Vault would give, without `id`.
#[derive(Clone)]
pub struct Version {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The bundle.
    pub bundle: Map<String, Value>,
}

/// An object with its versions, oldest first.
#[derive(Clone, Default)]
pub struct Object {
    /// Its name as it was first written.
    pub name: String,
    /// Oldest first.
    pub versions: Vec<Version>,
    /// Soft-deleted.
    pub deleted: bool,
    recipe: Recipe,
}

#[derive(Clone, Default)]
enum Recipe {
    #[default]
    Value,
    Certificate(Box<Certificate>),
    Key(KeyType),
}

impl Object {
    /// Whether it belongs to a certificate, with which it changes.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.versions.last().is_some_and(|version| version.bundle.get("managed") == Some(&Value::Bool(true)))
    }
}

/// Everything, by vault.
#[derive(Default)]
pub struct Store {
    vaults: BTreeMap<String, Content>,
    made: u64,
}

/// A vault: objects by kind and lower-case name.
#[derive(Default)]
struct Content {
    authorization: Authorization,
    objects: BTreeMap<(String, String), Object>,
}

impl Store {
    /// Fills the vaults of a seed.
    ///
    /// # Errors
    /// Names the place of the object that cannot be made.
    pub fn new(seed: &Seed) -> Result<Self, SeedError> {
        let mut store = Self::default();
        for (at, vault) in seed.vaults.iter().enumerate() {
            store.vaults.entry(vault.name.clone()).or_default().authorization = vault.authorization;
            for secret in &vault.secrets {
                store.secret(&vault.name, secret);
            }
            let fault = |list: &str, index: usize, error: StoreError| {
                seed.fault(&format!("vaults[{at}].{list}[{index}]"), &error.to_string())
            };
            for (index, certificate) in vault.certificates.iter().enumerate() {
                store
                    .certificate(&vault.name, certificate)
                    .map_err(|error| fault("certificates", index, error.into()))?;
            }
            for (index, key) in vault.keys.iter().enumerate() {
                store.key(&vault.name, &key.name, key.key).map_err(|error| fault("keys", index, error.into()))?;
            }
        }
        Ok(store)
    }

    /// Whether the vault exists.
    #[must_use]
    pub fn has(&self, vault: &str) -> bool {
        self.vaults.contains_key(vault)
    }

    /// How the vault decides about access.
    #[must_use]
    pub fn authorization(&self, vault: &str) -> Authorization {
        self.vaults.get(vault).map(|content| content.authorization).unwrap_or_default()
    }

    /// An object.
    #[must_use]
    pub fn get(&self, vault: &str, kind: &str, name: &str) -> Option<&Object> {
        self.vaults.get(vault)?.objects.get(&(kind.to_owned(), name.to_lowercase()))
    }

    /// An object, to change.
    pub fn get_mut(&mut self, vault: &str, kind: &str, name: &str) -> Option<&mut Object> {
        self.vaults.get_mut(vault)?.objects.get_mut(&(kind.to_owned(), name.to_lowercase()))
    }

    /// All objects of a kind, by name.
    #[must_use]
    pub fn list(&self, vault: &str, kind: &str) -> Vec<&Object> {
        let objects = self.vaults.get(vault).into_iter().flat_map(|content| &content.objects);
        objects.filter(|((k, _), _)| k == kind).map(|(_, object)| object).collect()
    }

    /// Forgets an object for good.
    pub fn purge(&mut self, vault: &str, kind: &str, name: &str) {
        if let Some(content) = self.vaults.get_mut(vault) {
            content.objects.remove(&(kind.to_owned(), name.to_lowercase()));
        }
    }

    /// A new version of a secret.
    pub fn set_secret(&mut self, vault: &str, name: &str, mut bundle: Map<String, Value>) {
        let mut attributes = self.attributes(true);
        if let Some(Value::Object(given)) = bundle.remove("attributes") {
            given.into_iter().for_each(|(k, v)| attributes[k] = v);
        }
        bundle.insert("attributes".to_owned(), attributes);
        bundle.entry("tags").or_insert_with(|| json!({}));
        self.push(vault, "secrets", name, None, bundle, Recipe::Value);
    }

    /// `rotate`, `disable`, `enable`, `delete` or `recover`; `false` if there is no such object. What belongs to a
    /// certificate changes with it, and only with it.
    ///
    /// # Errors
    /// A sentence.
    pub fn change(&mut self, vault: &str, kind: &str, name: &str, act: &str) -> Result<bool, String> {
        let Some(object) = self.get(vault, kind, name) else {
            return Ok(false);
        };
        if object.is_managed() {
            return Err(format!("{name} of {kind} belongs to a certificate: {act} that"));
        }
        if act == "rotate" {
            return self.rotate(vault, kind, name).map_err(|error| error.to_string());
        }
        let kinds: &[&str] = if kind == "certificates" { &["certificates", "secrets", "keys"] } else { &[kind] };
        for kind in kinds {
            let Some(object) = self.get_mut(vault, kind, name) else { continue };
            match act {
                "delete" => object.deleted = true,
                "recover" => object.deleted = false,
                "disable" | "enable" => {
                    if let Some(version) = object.versions.last_mut() {
                        version.bundle["attributes"]["enabled"] = json!(act == "enable");
                        version.bundle["attributes"]["updated"] = json!(now());
                    }
                }
                _ => return Err(format!("{act:?} is none of rotate, disable, enable, delete and recover")),
            }
        }
        Ok(true)
    }

    /// A new version, made as the first was. A secret has nothing to make it from.
    fn rotate(&mut self, vault: &str, kind: &str, name: &str) -> Result<bool, StoreError> {
        match self.get(vault, kind, name).map(|o| o.recipe.clone()) {
            Some(Recipe::Certificate(seed)) => self.certificate(vault, &seed)?,
            Some(Recipe::Key(kind)) => self.key(vault, name, kind)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn secret(&mut self, vault: &str, secret: &Secret) {
        let mut bundle =
            Map::from_iter([("value".to_owned(), json!(secret.value)), ("tags".to_owned(), json!(secret.tags))]);
        if let Some(content_type) = &secret.content_type {
            bundle.insert("contentType".to_owned(), json!(content_type));
        }
        let mut attributes = self.attributes(secret.enabled);
        for (name, value) in [("nbf", secret.nbf), ("exp", secret.exp)] {
            if let Some(value) = value {
                attributes[name] = json!(value);
            }
        }
        bundle.insert("attributes".to_owned(), attributes);
        self.push(vault, "secrets", &secret.name, secret.version.clone(), bundle, Recipe::Value);
    }

    fn certificate(&mut self, vault: &str, seed: &Certificate) -> Result<(), CertificateError> {
        let made = certificates::make(seed, self.made as usize)?;
        let exportable = seed.exportable;
        let version = self.version(vault, &seed.name);
        let content_type = match seed.content_type {
            CertificateForm::Pkcs12 => "application/x-pkcs12",
            CertificateForm::Pem => "application/x-pem-file",
        };
        let jwk = made.key.public_jwk()?;
        let mut key_props = keys::policy(&jwk);
        key_props["exportable"] = json!(exportable);
        let bundle = Map::from_iter([
            ("cer".to_owned(), json!(STANDARD.encode(&made.chain[0]))),
            (
                "policy".to_owned(),
                json!({"key_props": key_props, "secret_props": {"contentType": content_type}, "x509_props": {"subject": made.subject}}),
            ),
            ("attributes".to_owned(), self.attributes(true)),
            ("tags".to_owned(), json!({})),
        ]);
        let secret = Map::from_iter([
            ("value".to_owned(), json!(certificates::secret_value(&made, seed.content_type, exportable)?)),
            ("contentType".to_owned(), json!(content_type)),
            ("attributes".to_owned(), self.attributes(true)),
            ("managed".to_owned(), json!(true)),
        ]);
        let key = Map::from_iter([
            ("key".to_owned(), jwk),
            ("attributes".to_owned(), self.attributes(true)),
            ("managed".to_owned(), json!(true)),
        ]);
        self.push(
            vault,
            "certificates",
            &seed.name,
            Some(version.clone()),
            bundle,
            Recipe::Certificate(Box::new(seed.clone())),
        );
        self.push(vault, "secrets", &seed.name, Some(version.clone()), secret, Recipe::Value);
        self.push(vault, "keys", &seed.name, Some(version), key, Recipe::Value);
        Ok(())
    }

    fn key(&mut self, vault: &str, name: &str, kind: KeyType) -> Result<(), KeyError> {
        let jwk = Key::make(kind, self.made as usize)?.public_jwk()?;
        let bundle = Map::from_iter([
            ("key".to_owned(), jwk),
            ("attributes".to_owned(), self.attributes(true)),
            ("tags".to_owned(), json!({})),
        ]);
        self.push(vault, "keys", name, None, bundle, Recipe::Key(kind));
        Ok(())
    }

    fn push(
        &mut self,
        vault: &str,
        kind: &str,
        name: &str,
        id: Option<String>,
        bundle: Map<String, Value>,
        recipe: Recipe,
    ) {
        let id = id.unwrap_or_else(|| self.version(vault, name));
        let content = self.vaults.entry(vault.to_owned()).or_default();
        let object = content.objects.entry((kind.to_owned(), name.to_lowercase())).or_default();
        if object.versions.is_empty() {
            object.name = name.to_owned();
            object.recipe = recipe;
        }
        object.deleted = false;
        object.versions.push(Version { id, bundle });
    }

    /// A version id: no order can be read from it, as in Azure.
    fn version(&mut self, vault: &str, name: &str) -> String {
        self.made += 1;
        hex::encode(&Sha256::digest(format!("{vault}/{name}/{}", self.made))[..16])
    }

    fn attributes(&self, enabled: bool) -> Value {
        let now = now();
        json!({"enabled": enabled, "created": now, "updated": now, "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90})
    }
}
