//! The one way out: an HTTP client of our own below the SDK.
//!
//! The SDK's built-in client has no total timeout, no cap on a body, and no way to trust another CA.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use akv_core::SecretValue;
use async_trait::async_trait;
use azure_core::Bytes;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, ClientOptions, HttpClient, Method, Request, RetryOptions, Transport};
use zeroize::Zeroizing;

use crate::policy::QuickRetry;
use crate::resolve::{Resolver, Unresolved};
use crate::roots;
use crate::settings::Settings;
use crate::settings_error::SettingsError;
use crate::wire_fault::{LARGEST_BODY, WireFault, error, find};

/// The machine's own endpoint answers at once or does not exist; in a chain the next credential waits for it.
const MACHINE_CONNECT: Duration = Duration::from_secs(2);

/// The client, in the shapes that the SDK's clients and credentials want.
#[derive(Clone)]
pub(crate) struct Wire {
    transport: Transport,
    retry: QuickRetry,
}

impl Wire {
    /// A client for the vault and the token service: HTTPS only, through a proxy if one is set.
    pub(crate) fn outer(settings: &Settings) -> Result<Self, SettingsError> {
        let builder = builder(settings).https_only(true);
        let builder = proxied(roots::of(builder, settings)?, settings)?;
        Self::build(builder, settings, QuickRetry::new(settings.timeouts.retry, &[502, 503, 504]))
    }

    /// A client for the machine's own identity endpoint: plain HTTP, never through a proxy. What that endpoint says while
    /// it starts or is busy (404, 410, 429) may pass at once.
    pub(crate) fn machine(settings: &Settings) -> Result<Self, SettingsError> {
        let retry = QuickRetry::new(settings.timeouts.retry, &[404, 410, 429, 500, 502, 503, 504]);
        let builder = builder(settings)
            .no_proxy()
            .connect_timeout(settings.timeouts.connect.min(MACHINE_CONNECT))
            // No roots: there is no TLS here, and an image without a CA bundle must not fail for it.
            .tls_certs_only(Vec::new());
        Self::build(builder, settings, retry)
    }

    fn build(builder: reqwest::ClientBuilder, settings: &Settings, retry: QuickRetry) -> Result<Self, SettingsError> {
        let agent = format!("akv2k8s/{}/{}", settings.component, settings.version);
        if !agent.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(SettingsError::Library {
                what: "the user agent",
                problem: format!("{agent:?} holds more than plain ASCII"),
            });
        }
        let client = builder
            .build()
            .map_err(|fault| SettingsError::Library { what: "the HTTPS client", problem: deepest(&fault) })?;
        let access = settings.access.as_ref().map(|access| access.token.clone());
        Ok(Self { transport: Transport::new(Arc::new(Socket { client, agent, access })), retry })
    }

    /// Options for one of the SDK's clients.
    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions {
            transport: Some(self.transport.clone()),
            retry: RetryOptions::custom(Arc::new(self.retry.clone())),
            ..ClientOptions::default()
        }
    }
}

/// Who gave a token may have given the proxy too; else that of this process's environment counts.
fn proxied(builder: reqwest::ClientBuilder, settings: &Settings) -> Result<reqwest::ClientBuilder, SettingsError> {
    let variables = &settings.environment;
    let Some(url) = variables.get("HTTPS_PROXY").filter(|_| settings.access.is_some()) else {
        return Ok(builder);
    };
    let proxy = reqwest::Proxy::https(url.as_str())
        .map_err(|fault| SettingsError::Library { what: "HTTPS_PROXY", problem: deepest(&fault) })?;
    let except = variables.get("NO_PROXY").and_then(|list| reqwest::NoProxy::from_string(list));
    Ok(builder.proxy(proxy.no_proxy(except)))
}

fn builder(settings: &Settings) -> reqwest::ClientBuilder {
    // reqwest panics without one. Whoever was first wins, and here all are ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(settings.timeouts.connect)
        .timeout(settings.timeouts.per_try)
        .http1_only()
        .no_gzip()
        .dns_resolver(Arc::new(Resolver))
}

/// `reqwest` under the SDK's trait. Its own implementation there would neither cap a body nor tell TLS from the network.
struct Socket {
    client: reqwest::Client,
    agent: String,
    /// A token that was given. It goes with the first request too, which the SDK would send without one to be challenged.
    access: Option<SecretValue>,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Socket")
    }
}

#[async_trait]
impl HttpClient for Socket {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let method = match request.method() {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            other => return Err(failed(format!("the method {other:?} is not used here"))),
        };
        let mut outgoing = self.client.request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            outgoing = if name.as_str() == "user-agent" {
                outgoing.header(name.as_str(), format!("{} {}", self.agent, value.as_str()))
            } else {
                outgoing.header(name.as_str(), value.as_str())
            };
        }
        if let Some(token) = &self.access
            && !request.headers().iter().any(|(name, _)| name.as_str() == "authorization")
        {
            outgoing = outgoing.bearer_auth(String::from_utf8_lossy(token.expose()));
        }
        match request.body() {
            Body::Bytes(bytes) => outgoing = outgoing.body(bytes.clone()),
            Body::SeekableStream(_) => return Err(failed("streams are not used here".to_owned())),
        }
        let mut answer = outgoing.send().await.map_err(wire_error)?;
        let status = answer.status().as_u16();
        let headers: Headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                let value = value.to_str().ok()?.to_owned();
                Some((HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value)))
            })
            .collect::<std::collections::HashMap<_, _>>()
            .into();
        let expected = answer.content_length().unwrap_or(0).min(LARGEST_BODY as u64);
        // Room for all from the start, so that growing leaves no copy of a value behind.
        let mut body = Zeroizing::new(Vec::with_capacity(expected as usize));
        while let Some(chunk) = answer.chunk().await.map_err(wire_error)? {
            if body.len() + chunk.len() > LARGEST_BODY {
                return Err(error(ErrorKind::Other, WireFault::Large));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, Bytes::from_owner(body)))
    }
}

fn failed(message: String) -> Error {
    Error::with_message(ErrorKind::Other, message)
}

/// The kind decides whether the SDK tries again: a name, a certificate or a time-out is no better at once.
fn wire_error(fault: reqwest::Error) -> Error {
    if fault.is_timeout() {
        return error(ErrorKind::Other, WireFault::Slow);
    }
    let text = deepest(&fault);
    if let Some(tls) = find::<rustls::Error>(&fault) {
        return error(ErrorKind::Other, WireFault::Tls(tls.to_string()));
    }
    if let Some(name) = find::<Unresolved>(&fault) {
        return error(ErrorKind::Other, WireFault::Name(name.to_string()));
    }
    if fault.is_connect() {
        return error(ErrorKind::Connection, WireFault::Connect(text));
    }
    error(ErrorKind::Io, WireFault::Broken(text))
}

/// The text at the end of a chain, where the cause stands.
fn deepest(top: &(dyn StdError + 'static)) -> String {
    let mut last = top;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
