//! A token that one process got and another reads with.

use akv_core::SecretValue;
use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;

/// What opens the vaults of one cloud.
#[derive(Debug, Clone)]
pub struct Access {
    /// A bearer token for the audience of the vaults.
    pub token: SecretValue,
    /// When it ends, in Unix seconds.
    pub expires: i64,
    /// What follows a vault's name in its host, as `vault.azure.net`.
    pub vault_suffix: String,
}

/// A credential that has one token and gets no other.
#[derive(Debug)]
pub(crate) struct Given(pub(crate) Access);

#[async_trait]
impl TokenCredential for Given {
    async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        let token = String::from_utf8_lossy(self.0.token.expose()).into_owned();
        let expires = OffsetDateTime::from_unix_timestamp(self.0.expires).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Ok(AccessToken::new(token, expires))
    }
}
