//! A token of our own identity for somebody who reads a vault himself.

use akv_core::SecretValue;
use azure_core::credentials::AccessToken;
use thiserror::Error;

use crate::client::VaultClient;
use crate::failure::identity_sentence;
use crate::given::Access;

/// The token service gave no token. The text says why and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the identity got no token: {0}")]
pub struct AccessError(String);

impl VaultClient {
    /// A token for the vaults' audience; the credential keeps one until it is nearly over.
    ///
    /// # Errors
    /// Says what the token service said.
    pub async fn access(&self) -> Result<Access, AccessError> {
        let (_, vault_suffix, _) = self.identity();
        // A suffix may carry a port, in development; an audience never does.
        let domain = vault_suffix.split(':').next().unwrap_or_default();
        let token = self.token(&format!("https://{domain}/.default")).await?;
        Ok(Access {
            token: SecretValue::new(token.token.secret().as_bytes().to_vec()),
            expires: token.expires_on.unix_timestamp(),
            vault_suffix,
        })
    }
}

/// By the suffix of a cloud's vaults: where its resources are managed, and the suffix of its container registries.
const CLOUDS: [(&str, &str, &str); 3] = [
    ("vault.azure.net", "management.azure.com", "azurecr.io"),
    ("vault.usgovcloudapi.net", "management.usgovcloudapi.net", "azurecr.us"),
    ("vault.azure.cn", "management.chinacloudapi.cn", "azurecr.cn"),
];

impl VaultClient {
    fn cloud(&self) -> Option<(&'static str, &'static str)> {
        let (_, suffix, _) = self.identity();
        CLOUDS
            .iter()
            .find(|(vaults, ..)| *vaults == suffix)
            .map(|(_, management, registries)| (*management, *registries))
    }

    /// The suffix of the cloud's container registries; none in a cloud of one's own.
    pub fn registry_suffix(&self) -> Option<&'static str> {
        self.cloud().map(|(_, registries)| registries)
    }

    /// A token that the cloud's container registries exchange for one of theirs.
    ///
    /// # Errors
    /// Says what the token service said.
    pub async fn management_token(&self) -> Result<String, AccessError> {
        let (management, _) =
            self.cloud().ok_or_else(|| AccessError("this cloud has no container registries".to_owned()))?;
        let token = self.token(&format!("https://{management}/.default")).await?;
        Ok(token.token.secret().to_owned())
    }

    async fn token(&self, scope: &str) -> Result<AccessToken, AccessError> {
        let (credential, _, limit) = self.identity();
        tokio::time::timeout(limit, credential.get_token(&[scope], None))
            .await
            .map_err(|_| AccessError(format!("no answer within {limit:?}")))?
            .map_err(|fault| AccessError(identity_sentence(&fault)))
    }
}
