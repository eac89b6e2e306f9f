//! Version 1 of what a container and the auth service say to each other: JSON over HTTPS.
//!
//! 1. `POST /pod/v1/certificate`, without a client certificate: the container's token and a signing request for the key
//!    that it made in memory; back comes a certificate of minutes.
//! 2. `POST /pod/v1/resources`, with that certificate: what its environment refers to; back come the resources and
//!    credentials for the vault, or the values.
//! 3. `GET /pod/v1/plugins/{digest}?engine=…&target=…`: a custom plugin, compiled; 404 where that engine is gone.
//!
//! Every other answer is a [`Refused`] with a status: 400 (not this shape), 401 (nobody proved who asks), 403 (not
//! allowed, and trying again changes nothing), 409 (not at this moment: the container is not starting; try again), 429
//! and 503 (later; `Retry-After` says when).

use crate::WireValue;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// See the module.
pub const CERTIFICATE: &str = "/pod/v1/certificate";
/// See the module.
pub const RESOURCES: &str = "/pod/v1/resources";
/// See the module; the digest follows.
pub const PLUGINS: &str = "/pod/v1/plugins/";

/// Asks for a certificate.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateRequest {
    /// The container that asks; the token's audience names it too.
    pub container: String,
    /// The projected service-account token, bound to the pod.
    pub token: String,
    /// PKCS#10 in PEM. Only its key counts.
    pub request: String,
}

/// A certificate of minutes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateAnswer {
    /// PEM: the certificate, then the intermediate that signed it.
    pub chain: String,
}

/// Asks for what the environment refers to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourcesRequest {
    /// The engine that can run compiled plugins, as `akv_plugin` names it.
    pub engine: String,
    /// The processor and system that it runs on.
    pub target: String,
    /// Each resource once.
    pub resources: Vec<Wanted>,
}

/// One resource, and what is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    /// Its name; the namespace is the pod's.
    pub name: String,
    /// The queries of its references; `null` for one without.
    #[serde(default)]
    pub queries: Vec<Option<String>>,
    /// Whether all of its entries are written as files.
    #[serde(default)]
    pub files: bool,
}

/// What was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourcesAnswer {
    /// Credentials for the vault, if any resource is to be read by the container itself.
    pub access: Option<Access>,
    /// Each resource by name.
    pub resources: BTreeMap<String, Answer>,
    /// The custom plugins that those resources use, by name.
    #[serde(default)]
    pub plugins: BTreeMap<String, Plugin>,
    /// Authorities to trust besides the embedded ones, in PEM.
    #[serde(default)]
    pub authorities: Option<String>,
    /// Proxy settings of the installation: `HTTPS_PROXY`, `NO_PROXY`.
    #[serde(default)]
    pub proxy: BTreeMap<String, String>,
}

/// Credentials for the vault.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// A bearer token for the vaults' audience.
    pub token: WireValue,
    /// When it ends, in Unix seconds.
    pub expires: i64,
    /// What follows a vault's name in its host, as `vault.azure.net`.
    pub vault_suffix: String,
}

/// What became of one resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Answer {
    /// The container reads the vault and runs the plugins.
    Recipe {
        /// The resource's spec, `spv.no/v2beta1`.
        spec: Value,
        /// How long to wait before the first read, in milliseconds: the service paces a herd.
        #[serde(default)]
        wait: u64,
    },
    /// The service has done it.
    Values {
        /// One value for each query, in the order of the request.
        values: Vec<WireValue>,
        /// Every entry by key, if files were asked for.
        #[serde(default)]
        files: BTreeMap<String, WireValue>,
    },
    /// There is none.
    Refused(Refused),
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// One of the reasons that conditions have, or of those that only the service has.
    pub reason: String,
    /// One sentence; never a value.
    pub message: String,
    /// Seconds after which the vault or the service wants to be asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Whether asking again can help.
    #[serde(default)]
    pub again: bool,
}

/// A custom plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plugin {
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// The administrator's defaults, merged under each config.
    #[serde(default)]
    pub config: serde_json::Map<String, Value>,
    /// Bytes of memory that a call may use.
    pub memory: u64,
    /// Units of fuel that a call may use.
    pub fuel: u64,
    /// Bytes that a call may return.
    pub output: u64,
}

impl std::fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateRequest").field("container", &self.container).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("vault_suffix", &self.vault_suffix).finish_non_exhaustive()
    }
}
