//! Public keys of issuers whose tokens are accepted.

use crate::seed::Federated;
use serde_json::Value;
use std::time::Duration;

/// Longer than any issuer takes that works.
const PATIENCE: Duration = Duration::from_secs(10);

/// The issuer's JSON Web Key Set, read anew.
///
/// # Errors
/// A sentence.
pub async fn keys(federated: &Federated) -> Result<Value, String> {
    if let Some(keys) = &federated.jwks {
        return Ok(keys.clone());
    }
    if let Some(file) = &federated.jwks_file {
        let text = tokio::fs::read_to_string(file).await.map_err(|e| format!("{}: {e}", file.display()))?;
        return serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()));
    }
    let url = federated.jwks_url.as_ref().ok_or("the seed names none of jwks, jwksFile and jwksUrl")?;
    // reqwest brings none of its own; whoever installed one before us chose the same.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut client =
        reqwest::Client::builder().no_proxy().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    if let Some(file) = &federated.ca_file {
        let pem = tokio::fs::read(file).await.map_err(|e| format!("{}: {e}", file.display()))?;
        client = client.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| e.to_string())?);
    }
    let mut request = client.build().map_err(|e| e.to_string())?.get(url);
    if let Some(file) = &federated.token_file {
        let token = tokio::fs::read_to_string(file).await.map_err(|e| format!("{}: {e}", file.display()))?;
        request = request.bearer_auth(token.trim());
    }
    let answer = request.send().await.and_then(reqwest::Response::error_for_status).map_err(|e| reason(&e))?;
    answer.json().await.map_err(|e| reason(&e))
}

/// The error with its causes: the outermost alone does not say that a certificate is not trusted.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
