//! Credentials around credentials: one that keeps its token, and one that tries several.

use std::sync::Arc;
use std::sync::OnceLock;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use crate::failure::identity_sentence;
use crate::identity_error::identity_error;

/// A token is renewed when less than this is left of it; the SDK's own caches do the same.
const MARGIN: Duration = Duration::minutes(5);

/// Keeps the token of a credential that asks anew every time. One request at a time; a vault's clients share the result.
#[derive(Debug)]
pub(crate) struct Kept {
    inner: Arc<dyn TokenCredential>,
    token: Mutex<Option<(String, AccessToken)>>,
}

impl Kept {
    /// Around a credential without a memory of its own.
    pub(crate) fn new(inner: Arc<dyn TokenCredential>) -> Self {
        Self { inner, token: Mutex::new(None) }
    }
}

#[async_trait]
impl TokenCredential for Kept {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let wanted = scopes.join(" ");
        let mut kept = self.token.lock().await;
        if let Some((scope, token)) = kept.as_ref()
            && *scope == wanted
            && token.expires_on - MARGIN > OffsetDateTime::now_utc()
        {
            return Ok(token.clone());
        }
        let token = self.inner.get_token(scopes, options).await?;
        *kept = Some((wanted, token.clone()));
        Ok(token)
    }
}

/// The first credential that gives a token is the one from then on.
#[derive(Debug)]
pub(crate) struct Chain {
    links: Vec<(&'static str, Arc<dyn TokenCredential>)>,
    chosen: OnceLock<usize>,
}

impl Chain {
    /// Each link with what people call it.
    pub(crate) fn new(links: Vec<(&'static str, Arc<dyn TokenCredential>)>) -> Self {
        Self { links, chosen: OnceLock::new() }
    }
}

#[async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if let Some((_, link)) = self.chosen.get().and_then(|index| self.links.get(*index)) {
            return link.get_token(scopes, options).await;
        }
        let mut said = Vec::new();
        for (index, (name, link)) in self.links.iter().enumerate() {
            match link.get_token(scopes, None).await {
                Ok(token) => {
                    // Two first calls at once may both set it; either choice gave a token.
                    let _ = self.chosen.set(index);
                    return Ok(token);
                }
                Err(fault) => said.push(format!("{name}: {}", identity_sentence(&fault))),
            }
        }
        Err(identity_error(format!("no credential gave a token ({})", said.join("; "))))
    }
}
