//! What a local vault starts with: identities and what they may do, vaults and what is in them. Written as YAML, see `examples/vault.yaml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// The tenant that stands when a seed names none.
pub const DEFAULT_TENANT: &str = "11111111-1111-1111-1111-111111111111";

/// The whole of a seed file. It holds values, so it has no `Debug`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seed {
    /// Directory (tenant) id that tokens are issued for.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// Who can ask for tokens.
    #[serde(default)]
    pub identities: Vec<Identity>,
    /// The vaults, each its own host name.
    #[serde(default)]
    pub vaults: Vec<Vault>,
    /// Faults that are on from the start.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// An application or managed identity.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// How the seed, the program and the tests call it.
    pub name: String,
    /// Application (client) id; derived from the name when absent.
    pub client_id: Option<String>,
    /// Client secret; without one, `client_secret` is refused.
    pub secret: Option<String>,
    /// PEM certificates whose keys may sign client assertions.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// Tokens of other issuers that are accepted as client assertions.
    #[serde(default)]
    pub federated: Vec<Federated>,
    /// Whether the managed-identity endpoint answers for it.
    pub managed: Option<Managed>,
    /// What it may do in which vault.
    #[serde(default)]
    pub roles: Vec<Role>,
}

/// Which kind of managed identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Managed {
    /// Answers when no client id is asked for.
    System,
    /// Answers only to its client id.
    User,
}

/// A federated credential: issuer, subject and audience must match exactly. Keys come from `jwksFile` or `jwksUrl`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Federated {
    /// The `iss` claim.
    pub issuer: String,
    /// The `sub` claim, such as `system:serviceaccount:team-a:app`.
    pub subject: String,
    /// The `aud` claim.
    #[serde(default = "default_federated_audience")]
    pub audience: String,
    /// File with the issuer's public keys (JWKS).
    pub jwks_file: Option<PathBuf>,
    /// Address of the issuer's public keys, read on every exchange so that a key change is seen.
    pub jwks_url: Option<String>,
    /// PEM file of the authority that signed the certificate of `jwksUrl`.
    pub ca_file: Option<PathBuf>,
    /// File with a bearer token to send to `jwksUrl`, as the Kubernetes API wants one.
    pub token_file: Option<PathBuf>,
}

/// Operations allowed in one vault.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// Name of the vault, or `*`.
    pub vault: String,
    /// Operations as `kind/verb`, such as `secrets/get`.
    pub allow: Vec<Operation>,
    /// Names must start with this.
    #[serde(default)]
    pub prefix: String,
}

/// An operation that a role can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Operation {
    /// Read a secret, or one version of it.
    #[serde(rename = "secrets/get")]
    SecretsGet,
    /// List secrets, versions and deleted secrets.
    #[serde(rename = "secrets/list")]
    SecretsList,
    /// Write, change, recover a secret.
    #[serde(rename = "secrets/set")]
    SecretsSet,
    /// Delete or purge a secret.
    #[serde(rename = "secrets/delete")]
    SecretsDelete,
    /// Read a certificate.
    #[serde(rename = "certificates/get")]
    CertificatesGet,
    /// List certificates.
    #[serde(rename = "certificates/list")]
    CertificatesList,
    /// Read a public key.
    #[serde(rename = "keys/get")]
    KeysGet,
    /// List keys.
    #[serde(rename = "keys/list")]
    KeysList,
}

/// A vault and its objects.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vault {
    /// First label of its host name.
    pub name: String,
    /// Its secrets. Several entries of one name are versions, oldest first.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// Its certificates; each also makes a secret and a key of the same name.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
    /// Its keys.
    #[serde(default)]
    pub keys: Vec<Key>,
}

/// A secret.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// 1 to 127 letters, digits and dashes.
    pub name: String,
    /// The value.
    pub value: String,
    /// Hint for readers, such as `text/plain`.
    pub content_type: Option<String>,
    /// Free labels.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// A disabled secret is listed and cannot be read.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Not before, in seconds since 1970.
    pub nbf: Option<i64>,
    /// Expiry, in seconds since 1970.
    pub exp: Option<i64>,
    /// 32 hexadecimal digits; made up when absent.
    pub version: Option<String>,
}

/// A certificate: described (then it is made), or given as `pem` or `pfx`.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// 1 to 127 letters, digits and dashes.
    pub name: String,
    /// Distinguished name; only the common name (`CN=shop`) is used.
    pub subject: Option<String>,
    /// DNS names.
    #[serde(default)]
    pub sans: Vec<String>,
    /// Kind of the private key.
    #[serde(default)]
    pub key: KeyType,
    /// `application/x-pkcs12` (default) or `application/x-pem-file`: the form of the certificate's secret.
    #[serde(default)]
    pub content_type: CertificateForm,
    /// Whether the certificate's secret holds the private key.
    #[serde(default = "yes_option")]
    pub exportable: Option<bool>,
    /// Number of issuers above the leaf, 0 to 2; 0 makes it self-signed.
    #[serde(default)]
    pub chain: u8,
    /// Private key and certificates as PEM, leaf first.
    pub pem: Option<String>,
    /// PKCS#12 with empty password, in base64.
    pub pfx: Option<String>,
}

/// The form in which a certificate's secret holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateForm {
    /// PKCS#12 with empty password, in base64.
    #[default]
    #[serde(rename = "application/x-pkcs12")]
    Pkcs12,
    /// PEM: key, leaf, issuers.
    #[serde(rename = "application/x-pem-file")]
    Pem,
}

/// A key without certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// 1 to 127 letters, digits and dashes.
    pub name: String,
    /// Its kind.
    #[serde(default)]
    pub key: KeyType,
}

/// Kinds of key that can be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum KeyType {
    /// RSA of 2048 bits: one of the public test keys of this crate.
    #[default]
    #[serde(rename = "rsa2048")]
    Rsa2048,
    /// ECDSA on P-256.
    #[serde(rename = "ec-p256")]
    EcP256,
    /// ECDSA on P-384.
    #[serde(rename = "ec-p384")]
    EcP384,
}

/// Why a seed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Not the YAML that is expected.
    #[error("the seed is not valid: {0}; see examples/vault.yaml of local-vault for every field")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// An identity is named that the seed does not have.
    #[error("the seed has no identity {0:?}; name one of its `identities`")]
    NoIdentity(String),
}

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    /// `SeedError::Yaml` with line and column, also for an unknown field.
    pub fn parse(yaml: &str) -> Result<Self, SeedError> {
        Ok(serde_yaml_ng::from_str(yaml)?)
    }
}

fn default_tenant() -> String {
    DEFAULT_TENANT.to_owned()
}

fn default_federated_audience() -> String {
    "api://AzureADTokenExchange".to_owned()
}

fn yes() -> bool {
    true
}

fn yes_option() -> Option<bool> {
    Some(true)
}
