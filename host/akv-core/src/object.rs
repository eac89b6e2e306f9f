//! Vault objects as the product sees them.

use crate::{Alias, ObjectName, ObjectVersion, SecretValue};

/// What kind of object a resource names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A secret, whole.
    Secret,
    /// A certificate, and if a plugin wants it, its backing secret.
    Certificate,
    /// The public part of a key.
    Key,
    /// A secret whose value is a flat JSON or YAML mapping.
    MultiKeyValueSecret,
}

impl ObjectKind {
    /// The word that stands in resources and in the WIT.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Certificate => "certificate",
            Self::Key => "key",
            Self::MultiKeyValueSecret => "multi-key-value-secret",
        }
    }
}

/// Which object, before anything is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// What kind.
    pub kind: ObjectKind,
    /// Its name in the vault.
    pub name: ObjectName,
    /// A pinned version; without one, the latest.
    pub version: Option<ObjectVersion>,
}

/// What is known of an object before anything is read from the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Unique within one resource. A resource with a single `object` gives it the object's own name.
    pub alias: Alias,
    /// Which object.
    pub object: ObjectRef,
    /// Named extras for plugins. `content-type`: the media type that the resource declared for a multi-key value.
    pub attributes: Vec<(String, String)>,
}

/// Which half of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Certificate: the DER. Key: the JWK.
    Public,
    /// Secret: its value. Certificate: the backing secret.
    Private,
}

/// An object as read: original bytes, nothing parsed.
#[derive(Debug, Clone)]
pub struct VaultObject {
    /// What was asked for.
    pub description: Description,
    /// The version that the vault returned, 32 hexadecimal digits.
    pub version: String,
    /// The content type of the secret or of the certificate's backing secret.
    pub content_type: Option<String>,
    /// The object's tags.
    pub tags: Vec<(String, String)>,
    /// Certificate: DER. Key: JWK as JSON text.
    pub public: Option<Vec<u8>>,
    /// Secret: its value. Certificate: the backing secret exactly as the vault returned it.
    pub private: Option<SecretValue>,
    /// When the object expires, in Unix seconds.
    pub expires: Option<i64>,
    /// When the object becomes valid, in Unix seconds.
    pub not_before: Option<i64>,
}
