//! The identity of the machine, or of the App Service, asked for over plain HTTP on the machine itself.
//!
//! The SDK's credential picks its endpoint from the real environment, retries for 72 s, and refuses an expiry that is a
//! number. Formats: <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>.

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::http::{Context, Method, Pipeline, PipelineSendOptions, Request, Url};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use crate::environment::Variables;
use crate::identity_error::identity_error;
use crate::settings_error::SettingsError;
use crate::text::one_line;
use crate::token_answer::Refusal;
use crate::transport::Wire;
use crate::wire_fault::{WireFault, find};

/// The Instance Metadata Service, which exists on every virtual machine.
const IMDS: &str = "http://169.254.169.254";

/// Asks the machine for a token.
pub(crate) struct ManagedIdentity {
    pipeline: Pipeline,
    endpoint: Url,
    api_version: &'static str,
    /// What App Service wants to see, so that no other process's request passes.
    header: Option<String>,
    /// Of a user-assigned identity; none for the system-assigned one.
    client: Option<String>,
}

impl std::fmt::Debug for ManagedIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ManagedIdentity({})", self.endpoint)
    }
}

impl ManagedIdentity {
    /// Picks the endpoint: `IDENTITY_ENDPOINT` with `IDENTITY_HEADER` is App Service's, else the machine's own.
    /// `AZURE_POD_IDENTITY_AUTHORITY_HOST` moves the latter, as in Microsoft's other SDKs.
    pub(crate) fn new(client: Option<String>, variables: Variables<'_>, wire: &Wire) -> Result<Self, SettingsError> {
        let pipeline = Pipeline::new(Some("identity"), None, wire.options(), Vec::new(), Vec::new(), None);
        if variables.get("IDENTITY_SERVER_THUMBPRINT").is_some()
            || variables.get("IMDS_ENDPOINT").is_some()
            || variables.get("MSI_ENDPOINT").is_some()
        {
            return Err(SettingsError::Refused(
                "IDENTITY_SERVER_THUMBPRINT, IMDS_ENDPOINT or MSI_ENDPOINT is set: managed identities of Service Fabric, \
                 Arc, Cloud Shell and Machine Learning are not supported; use workload identity",
            ));
        }
        if let (Some(endpoint), Some(header)) = (variables.get("IDENTITY_ENDPOINT"), variables.get("IDENTITY_HEADER")) {
            return Ok(Self {
                pipeline,
                endpoint: url("IDENTITY_ENDPOINT", endpoint)?,
                api_version: "2019-08-01",
                header: Some(header.to_owned()),
                client,
            });
        }
        const HOST: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        let mut endpoint = url(HOST, variables.get(HOST).unwrap_or(IMDS))?;
        endpoint.set_path("/metadata/identity/oauth2/token");
        Ok(Self { pipeline, endpoint, api_version: "2018-02-01", header: None, client })
    }
}

fn url(variable: &'static str, text: &str) -> Result<Url, SettingsError> {
    Url::parse(text).ok().filter(Url::has_host).ok_or_else(|| SettingsError::Variable {
        variable,
        text: text.chars().take(200).collect(),
        problem: "it must be a URL with a host".to_owned(),
    })
}

#[async_trait]
impl TokenCredential for ManagedIdentity {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        // Version 1 of the protocol asks for a resource, where version 2 asks for a scope below it.
        let scope = scopes.first().copied().unwrap_or_default();
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let mut url = self.endpoint.clone();
        url.query_pairs_mut().append_pair("api-version", self.api_version).append_pair("resource", resource);
        if let Some(client) = &self.client {
            url.query_pairs_mut().append_pair("client_id", client);
        }
        let mut request = Request::new(url, Method::Get);
        request.insert_header("metadata", "true");
        if let Some(header) = &self.header {
            request.insert_header("x-identity-header", header.clone());
        }
        let unchecked = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let answer = self.pipeline.send(&Context::new(), &mut request, Some(unchecked)).await.map_err(|fault| {
            let said = find::<WireFault>(&fault).map_or_else(|| one_line(&fault.to_string()), WireFault::to_string);
            identity_error(format!("the managed identity endpoint gave no answer: {said}"))
        })?;
        if !answer.status().is_success() {
            return Err(identity_error(format!(
                "the managed identity endpoint answered {}",
                Refusal::read(u16::from(answer.status()), answer.body())
            )));
        }
        Answer::read(answer.body(), OffsetDateTime::now_utc())
            .ok_or_else(|| identity_error("the managed identity endpoint answered with something that is no token"))
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_on: Option<Seconds>,
    expires_in: Option<Seconds>,
}

/// Seconds, which the endpoints write as a text or a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(i64),
    Text(String),
}

impl Seconds {
    fn value(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl Answer {
    fn read(body: &[u8], now: OffsetDateTime) -> Option<AccessToken> {
        let answer: Self = serde_json::from_slice(body).ok()?;
        let until = answer.expires_on.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds.value()?).ok());
        let expires = match until {
            Some(until) => until,
            None => now.checked_add(Duration::seconds(answer.expires_in?.value()?))?,
        };
        Some(AccessToken::new(answer.access_token, expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Option<i64>) {
        let now = OffsetDateTime::UNIX_EPOCH;
        let expires = Answer::read(body.as_bytes(), now).map(|token| token.expires_on.unix_timestamp());
        assert_eq!(expires, expected, "{body}");
    }

    #[test]
    fn an_expiry_may_be_a_text_a_number_or_a_duration() {
        check(r#"{"access_token":"t","expires_on":"1700000000","expires_in":"86400"}"#, Some(1_700_000_000));
        check(r#"{"access_token":"t","expires_on":1700000000,"resource":"x"}"#, Some(1_700_000_000));
        check(r#"{"access_token":"t","expires_in":3600}"#, Some(3600));
        check(r#"{"access_token":"t","expires_on":"1/1/2030 0:00:00 AM","expires_in":"60"}"#, Some(60));
        check(r#"{"access_token":"t"}"#, None);
        check(r#"{"expires_in":1}"#, None);
        check("<html>", None);
    }
}
