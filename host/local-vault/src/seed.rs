//! What a local vault starts with: identities and what they may do, vaults and what is in them. Written as YAML, see `examples/vault.yaml`.

mod check;
mod error;
mod lines;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use error::Origin;
pub use error::SeedError;
use lines::Lines;

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
    /// Whether the vaults have the limits of the service: 4,000 reads in ten seconds, 300 new secrets.
    #[serde(default)]
    pub throttle: bool,
    #[serde(skip)]
    origin: Origin,
}

/// An application or managed identity.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// How the seed, the program and the tests call it.
    pub name: String,
    /// Application (client) id; derived from the name when absent.
    pub client_id: Option<String>,
    /// Object (principal) id; derived from the name when absent.
    pub object_id: Option<String>,
    /// Azure resource id of a user-assigned managed identity; derived from the name when absent.
    pub resource_id: Option<String>,
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
    /// Answers when no particular identity is asked for.
    System,
    /// Answers to its client id, object id or resource id only.
    User,
}

/// A federated credential: issuer, subject and audience must match exactly. Keys come from `jwks`, `jwksFile` or `jwksUrl`.
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
    /// The issuer's public keys (JWKS).
    pub jwks: Option<serde_json::Value>,
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
    /// What decides about access, which shows in the words of a refusal.
    #[serde(default)]
    pub authorization: Authorization,
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

/// How a vault decides about access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Authorization {
    /// By roles.
    #[default]
    Rbac,
    /// By access policies of the vault.
    AccessPolicy,
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

/// A certificate: described (then it is made), or given as `pem`, `pemFile`, `pfx` or `pfxFile`.
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
    /// `application/x-pkcs12` (default, or `pkcs12`) or `application/x-pem-file` (or `pem`): the form of its secret.
    #[serde(default)]
    pub content_type: CertificateForm,
    /// Whether the certificate's secret holds the private key.
    #[serde(default = "yes")]
    pub exportable: bool,
    /// Number of issuers above the leaf, 0 to 4: a root, then intermediates. 0 makes it self-signed.
    #[serde(default)]
    pub chain: u8,
    /// Private key and certificates as PEM, leaf first.
    pub pem: Option<String>,
    /// A file with what `pem` holds.
    pub pem_file: Option<PathBuf>,
    /// PKCS#12 in base64.
    pub pfx: Option<String>,
    /// A PKCS#12 file.
    pub pfx_file: Option<PathBuf>,
    /// Password of `pfx` or `pfxFile`; empty when absent. What the vault holds afterwards has none.
    pub password: Option<String>,
}

/// The form in which a certificate's secret holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateForm {
    /// PKCS#12 with empty password, in base64.
    #[default]
    #[serde(rename = "application/x-pkcs12", alias = "pkcs12")]
    Pkcs12,
    /// PEM: key, leaf, issuers.
    #[serde(rename = "application/x-pem-file", alias = "pem")]
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
    /// ECDSA on P-521.
    #[serde(rename = "ec-p521")]
    EcP521,
}

impl Seed {
    /// Reads a seed from a text. Paths in it are relative to the working directory.
    ///
    /// # Errors
    /// Every fault with its line and path.
    pub fn parse(yaml: &str) -> Result<Self, SeedError> {
        Self::of("seed", yaml, None)
    }

    /// Reads a seed file. Paths in it are relative to the file's directory.
    ///
    /// # Errors
    /// Every fault with file, line and path.
    pub fn read(file: &Path) -> Result<Self, SeedError> {
        let yaml =
            std::fs::read_to_string(file).map_err(|source| SeedError::Unreadable { file: file.to_owned(), source })?;
        Self::of(&file.display().to_string(), &yaml, file.parent())
    }

    fn of(file: &str, yaml: &str, dir: Option<&Path>) -> Result<Self, SeedError> {
        let mut seed: Self = serde_yaml_ng::from_str(yaml).map_err(|e| SeedError::yaml(file, &e))?;
        seed.origin = Origin { file: file.to_owned(), lines: Lines::of(yaml) };
        if let Some(dir) = dir {
            seed.paths().into_iter().for_each(|path| *path = dir.join(&*path));
        }
        check::check(&seed)?;
        Ok(seed)
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let federated = self.identities.iter_mut().flat_map(|i| &mut i.federated);
        let of_issuers = federated.flat_map(|f| [&mut f.jwks_file, &mut f.ca_file, &mut f.token_file]);
        let certificates = self.vaults.iter_mut().flat_map(|v| &mut v.certificates);
        let of_certificates = certificates.flat_map(|c| [&mut c.pem_file, &mut c.pfx_file]);
        of_issuers.chain(of_certificates).flatten().collect()
    }

    /// An error about the place `path`, such as `vaults[0].certificates[1]`.
    #[must_use]
    pub fn fault(&self, path: &str, problem: &str) -> SeedError {
        SeedError::Invalid(vec![self.origin.problem(path, problem)])
    }

    /// Checks that there is an identity of this name.
    ///
    /// # Errors
    /// Names those that there are.
    pub fn require_identity(&self, name: &str) -> Result<(), SeedError> {
        if self.identities.iter().any(|i| i.name == name) {
            return Ok(());
        }
        let known: Vec<&str> = self.identities.iter().map(|i| i.name.as_str()).collect();
        Err(SeedError::NoIdentity { name: name.to_owned(), known: known.join(", "), file: self.origin.file.clone() })
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
