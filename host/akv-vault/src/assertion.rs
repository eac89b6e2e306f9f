//! What an application shows instead of a secret: a signed statement, or the cluster's token.

use std::path::PathBuf;

use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;

use crate::identity_error::identity_error;
use crate::settings_error::SettingsError;
use crate::signer::Signer;

/// A statement signed with the application's certificate, made anew for every token.
#[derive(Debug)]
pub(crate) struct SignedAssertion {
    pub(crate) signer: Signer,
    pub(crate) client: String,
    /// The token service's address, which the statement is meant for.
    pub(crate) audience: String,
}

#[async_trait]
impl ClientAssertion for SignedAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        self.signer
            .assertion(&self.client, &self.audience, now)
            .map_err(|said| identity_error(format!("the client certificate cannot sign: {said}")))
    }
}

/// The projected service-account token, read from its file for every token. The SDK's credential keeps it for ten minutes,
/// which is as long as the shortest such token lives, and does not trim it.
#[derive(Debug)]
pub(crate) struct FederatedToken {
    file: PathBuf,
}

impl FederatedToken {
    /// Refuses a file that cannot be read now.
    pub(crate) fn new(file: PathBuf) -> Result<Self, SettingsError> {
        const WHAT: &str = "the token file of AZURE_FEDERATED_TOKEN_FILE";
        let token = std::fs::read_to_string(&file).map_err(|source| SettingsError::Unreadable {
            what: WHAT,
            path: file.clone(),
            source,
        })?;
        if token.trim().is_empty() {
            return Err(SettingsError::Content { what: WHAT, path: file, problem: "it is empty".to_owned() });
        }
        Ok(Self { file })
    }
}

#[async_trait]
impl ClientAssertion for FederatedToken {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let token = tokio::fs::read_to_string(&self.file).await.map_err(|fault| {
            identity_error(format!(
                "the token file {} of AZURE_FEDERATED_TOKEN_FILE cannot be read: {fault}",
                self.file.display()
            ))
        })?;
        Ok(token.trim().to_owned())
    }
}
