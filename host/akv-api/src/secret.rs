//! `AzureKeyVaultSecret`, version `v2beta1`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A vault object, or several, and what to make of it.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "spv.no",
    version = "v2beta1",
    kind = "AzureKeyVaultSecret",
    plural = "azurekeyvaultsecrets",
    singular = "azurekeyvaultsecret",
    shortname = "akvs",
    category = "all",
    namespaced,
    status = "AzureKeyVaultSecretStatus",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase")]
pub struct AzureKeyVaultSecretSpec {
    /// Which vault, which objects.
    pub vault: VaultSpec,
    /// What to make of them. Without it the resource serves the env injector only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputSpec>,
}

/// Which vault, which objects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultSpec {
    /// Name of the Key Vault: the first label of its host.
    pub name: String,
    /// Ignored, as it always was; a warning says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_identity: Option<AzureIdentitySpec>,
    /// One object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectSpec>,
    /// Several objects, instead of `object`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Vec<AliasedObjectSpec>>,
}

/// An identity by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AzureIdentitySpec {
    /// Its name.
    pub name: String,
}

/// Kind of a vault object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectType {
    /// A secret.
    #[default]
    Secret,
    /// A certificate.
    Certificate,
    /// A key.
    Key,
    /// A secret that holds a flat JSON or YAML mapping.
    MultiKeyValueSecret,
}

/// How a multi-key value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ContentType {
    /// A JSON object of strings.
    #[serde(rename = "application/x-json")]
    Json,
    /// A YAML mapping of scalars.
    #[serde(rename = "application/x-yaml")]
    Yaml,
}

/// One vault object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSpec {
    /// Name of the object in the vault.
    pub name: String,
    /// Kind of the object.
    #[serde(rename = "type")]
    pub kind: ObjectType,
    /// A version of it; the latest if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How a multi-key value is written; needed for that type, ignored for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
}

/// One of several vault objects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AliasedObjectSpec {
    /// What the resource calls it; the key in the target unless a plugin or `files` says otherwise.
    #[serde(rename = "as")]
    pub alias: String,
    /// Name of the object in the vault.
    pub name: String,
    /// Kind of the object.
    #[serde(rename = "type")]
    pub kind: ObjectType,
    /// A version of it; the latest if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How a multi-key value is written; needed for that type, ignored for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
}

/// What to make of the objects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputSpec {
    /// Write a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretOutputSpec>,
    /// Write a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapOutputSpec>,
    /// Names of transform plugins, in order; for objects of type `secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Vec<String>>,
    /// Transforms with settings, instead of `transform`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Vec<StepSpec>>,
    /// A custom output plugin, for every target named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginUseSpec>,
    /// Templated files: each becomes a key of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<FileSpec>>,
}

/// A Secret to write.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretOutputSpec {
    /// Its name, in the resource's namespace.
    pub name: String,
    /// Its type; `Opaque` if not given.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub secret_type: Option<String>,
    /// The key of an opaque Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_key: Option<String>,
    /// Put the server's certificate first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_order: Option<ChainOrder>,
    /// How a key object is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_format: Option<KeyFormat>,
    /// Labels and annotations to add to the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataSpec>,
}

/// Order of a certificate chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChainOrder {
    /// The certificate that matches the key first, then its issuers.
    #[serde(rename = "ensureserverfirst")]
    EnsureServerFirst,
}

/// How a key object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyFormat {
    /// SubjectPublicKeyInfo as PEM.
    Pem,
    /// The JSON Web Key.
    Jwk,
    /// The raw bytes of an RSA modulus, as the original writes them.
    RawN,
}

/// A ConfigMap to write.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapOutputSpec {
    /// Its name, in the resource's namespace.
    pub name: String,
    /// The key of a single value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_key: Option<String>,
    /// Labels and annotations to add to the ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataSpec>,
}

/// Labels and annotations for a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetadataSpec {
    /// Labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// A transform with settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepSpec {
    /// Name of the transform plugin.
    pub plugin: String,
    /// Its config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<serde_json::Map<String, serde_json::Value>>,
    /// Aliases of the objects that it touches; every secret if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
}

/// A custom output plugin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginUseSpec {
    /// Name of the `AzureKeyVaultPlugin`.
    pub name: String,
    /// Its config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A templated file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSpec {
    /// The key of the target.
    pub path: String,
    /// A minijinja template; `objects.<alias>` holds the objects.
    pub template: String,
}

/// What the controller saw and did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureKeyVaultSecretStatus {
    /// `Ready` and `Synced`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the resource that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The Secret that was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// Keyed digest of the Secret's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_hash: Option<String>,
    /// The keys of the Secret that this resource owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_keys: Option<Vec<String>>,
    /// The ConfigMap that was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_name: Option<String>,
    /// Keyed digest of the ConfigMap's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_hash: Option<String>,
    /// The keys of the ConfigMap that this resource owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_keys: Option<Vec<String>>,
    /// When something was last written because of the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_azure_update: Option<Time>,
    /// What was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Vec<ObjectStatus>>,
    /// What is accepted and does nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
}

impl AzureKeyVaultSecretStatus {
    /// The condition of a kind.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().flatten().find(|condition| condition.type_ == kind)
    }
}

impl AzureKeyVaultSecret {
    /// The condition `Ready`, whatever it says.
    pub fn ready(&self) -> Option<&Condition> {
        self.status.as_ref()?.condition("Ready")
    }

    /// Whether the condition `Ready` says so.
    pub fn is_ready(&self) -> bool {
        self.ready().is_some_and(|condition| condition.status == "True")
    }
}

/// What was read of one object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStatus {
    /// What the resource calls it.
    pub alias: String,
    /// The version that is in the target.
    pub version: String,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}
