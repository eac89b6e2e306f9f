//! What the client must be told, and what can be wrong with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;

use crate::given::Access;
use crate::settings_error::SettingsError;

/// Where the credential comes from. The words are upstream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthType {
    /// `azureCloudConfig`: the cloud provider's file, `azure.json` on an AKS node.
    AzureCloudConfig,
    /// `environment`: the variables of the former ADAL library.
    Environment,
    /// `environment-azidentity`: the variables of the Azure SDKs, workload identity, managed identity, Azure CLI.
    EnvironmentAzidentity,
}

impl AuthType {
    /// The word that stands in `AUTH_TYPE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AzureCloudConfig => "azureCloudConfig",
            Self::Environment => "environment",
            Self::EnvironmentAzidentity => "environment-azidentity",
        }
    }
}

impl FromStr for AuthType {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::AzureCloudConfig, Self::Environment, Self::EnvironmentAzidentity]
            .into_iter()
            .find(|auth| auth.as_str() == text)
            .ok_or_else(|| SettingsError::AuthType(text.chars().take(80).collect()))
    }
}

/// Everything that the client is made of. Files are read by [`crate::VaultClient::new`], and again when a credential is
/// renewed, so that a rotated file counts without a restart.
#[derive(Clone)]
pub struct Settings {
    /// Where the credential comes from.
    pub auth: AuthType,
    /// The cloud provider's file; read for [`AuthType::AzureCloudConfig`] only.
    pub cloud_config: PathBuf,
    /// The process environment as the caller sees it: `AZURE_*`, `IDENTITY_*`, `SSL_CERT_FILE`, `SSL_CERT_DIR` and
    /// `PATH` (for the Azure CLI) are looked at. Nothing here reads the real one.
    pub environment: BTreeMap<String, String>,
    /// A PEM file of certificate authorities to trust beside the usual ones.
    pub extra_ca: Option<PathBuf>,
    /// The authorities to trust instead of the system's, for a program in an image that has none.
    pub roots: Option<Vec<CertificateDer<'static>>>,
    /// A token that somebody else got, which goes with every request; nothing of `auth` is used then.
    pub access: Option<Access>,
    /// The program's part, for the user agent `akv2k8s/<component>/<version>`.
    pub component: String,
    /// The program's version, for the user agent.
    pub version: String,
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl Settings {
    /// The usual settings: upstream's path of the cloud config file, no further authority, the usual times.
    pub fn new(component: &str, auth: AuthType, environment: BTreeMap<String, String>) -> Self {
        Self {
            auth,
            cloud_config: PathBuf::from("/etc/kubernetes/azure.json"),
            environment,
            extra_ca: None,
            roots: None,
            access: None,
            component: component.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            timeouts: Timeouts::default(),
        }
    }
}

// The environment may hold a client secret.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("auth", &self.auth)
            .field("cloud_config", &self.cloud_config)
            .field("extra_ca", &self.extra_ca)
            .field("component", &self.component)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

/// How long to wait for the vault and the token service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For one request with its whole answer.
    pub per_try: Duration,
    /// No further try is begun after this time.
    pub retry: Duration,
    /// For one [`crate::VaultClient::read`], whatever happens inside. Upstream's is 30 s.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            per_try: Duration::from_secs(10),
            retry: Duration::from_secs(10),
            total: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_words_name_the_kinds_of_authentication() {
        for auth in [AuthType::AzureCloudConfig, AuthType::Environment, AuthType::EnvironmentAzidentity] {
            assert_eq!(auth.as_str().parse::<AuthType>().expect("a word"), auth);
        }
        let wrong = "Environment".parse::<AuthType>().expect_err("case matters");
        assert!(wrong.to_string().contains("environment-azidentity"), "{wrong}");
    }

    #[test]
    fn debug_shows_no_variable() {
        let environment = BTreeMap::from([("AZURE_CLIENT_SECRET".to_owned(), "canary".to_owned())]);
        let settings = Settings::new("controller", AuthType::Environment, environment);
        assert!(!format!("{settings:?}").contains("canary"));
    }
}
