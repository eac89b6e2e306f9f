//! One TLS listener, routed by host: `login.localhost` is the token service, `<vault>.vault.localhost` a data plane. One
//! plain listener for the managed identity endpoint and the admin interface.

use crate::admin;
use crate::answer::{Answer, Body, struck};
use crate::data_plane::{self, Call};
use crate::fault::{Faults, Request as Counted};
use crate::lock::lock;
use crate::store::Store;
use crate::token::TokenService;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// No request of Key Vault is larger: 25 kB of value and its frame.
const BODY_LIMIT: usize = 256 << 10;

/// What every request sees.
pub struct State {
    /// The objects.
    pub store: Mutex<Store>,
    /// The token service.
    pub tokens: TokenService,
    /// Faults and counters.
    pub faults: Faults,
    /// Port of the TLS listener.
    pub port: u16,
    /// What the managed identity endpoint wants in `X-IDENTITY-HEADER`.
    pub identity_header: String,
}

/// A request, read.
pub struct Read {
    /// The method.
    pub method: String,
    /// The path, undecoded.
    pub path: String,
    /// The query.
    pub query: HashMap<String, String>,
    headers: hyper::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Read {
    async fn of(request: Request<Incoming>) -> io::Result<Self> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
        Ok(Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: pairs(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            body,
        })
    }

    /// A header that is text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// `a=b&c=d`, decoded.
fn pairs(text: &str) -> HashMap<String, String> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    };
    text.split('&').filter(|p| !p.is_empty()).map(pair).collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|h| std::str::from_utf8(h).ok())
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Accepts TLS connections until its task is ended.
pub async fn serve_tls(listener: TcpListener, tls: TlsAcceptor, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, state) = (tls.clone(), state.clone());
        tokio::spawn(async move {
            // A client that does not trust us ends here; it has been told.
            let Ok(stream) = tls.accept(stream).await else {
                return;
            };
            connection(TokioIo::new(stream), move |request| {
                let state = state.clone();
                async move { secure(&state, request).await }
            })
            .await;
        });
    }
}

/// Accepts plain connections until its task is ended.
pub async fn serve_plain(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(connection(TokioIo::new(stream), move |request| {
            let state = state.clone();
            async move { plain(&state, request).await }
        }));
    }
}

async fn connection<S, H, F>(stream: TokioIo<S>, handle: H)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = io::Result<Response<Body>>>,
{
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(stream, service_fn(handle))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn secure(state: &State, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let request = Read::of(request).await?;
    let host = request.header("host").split(':').next().unwrap_or_default().to_lowercase();
    if host == "login.localhost" {
        return login(state, &request).await;
    }
    match host.strip_suffix(".vault.localhost") {
        Some(vault) if lock(&state.store).has(vault) => vault_request(state, vault, &request).await,
        _ => Answer::error(404, "VaultNotFound", None, &format!("There is no vault at {host}.")).send(),
    }
}

async fn login(state: &State, request: &Read) -> io::Result<Response<Body>> {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", [tenant, "oauth2", "v2.0", "token"] | [tenant, "oauth2", "token"]) => {
            let form = pairs(&String::from_utf8_lossy(&request.body));
            let name = form
                .get("client_id")
                .and_then(|id| state.tokens.identity(id))
                .map(|i| i.name.clone())
                .unwrap_or_default();
            let counted = Counted { operation: "token".to_owned(), vault: String::new(), name };
            let answer = state.tokens.token(tenant, &form);
            match state.faults.strike(&counted, Instant::now()) {
                Some(fault) => struck(&fault, &state.faults, answer).await,
                None => answer.await.send(),
            }
        }
        ("GET", [_, "v2.0", ".well-known", "openid-configuration"]) => Answer::ok(state.tokens.configuration()).send(),
        ("GET", [_, "discovery", "v2.0", "keys"]) => Answer::ok(state.tokens.jwks()).send(),
        ("GET", ["common", "discovery", "instance"]) => {
            let discovery =
                format!("{}/{}/v2.0/.well-known/openid-configuration", state.tokens.authority, state.tokens.tenant);
            Answer::ok(json!({"tenant_discovery_endpoint": discovery, "api-version": "1.1", "metadata": []})).send()
        }
        _ => Answer { status: 404, headers: Vec::new(), body: json!({"error": "not_found"}) }.send(),
    }
}

async fn vault_request(state: &State, vault: &str, request: &Read) -> io::Result<Response<Body>> {
    let authority = format!("{}/{}", state.tokens.authority, state.tokens.tenant);
    let resource = format!("https://vault.localhost:{}", state.port);
    let challenge = format!("Bearer authorization=\"{authority}\", resource=\"{resource}\"");
    let Some(token) = request.header("authorization").strip_prefix("Bearer ") else {
        let counted = Counted { operation: "challenge".to_owned(), vault: vault.to_owned(), name: String::new() };
        // Counted, never struck: no client gets anywhere without its challenge.
        let _struck = state.faults.strike(&counted, Instant::now());
        return Answer::error(401, "Unauthorized", None, "AKV10000: Request is missing a Bearer or PoP token.")
            .with("www-authenticate", challenge)
            .send();
    };
    let Some(call) = Call::parse(&request.method, &request.path) else {
        return Answer::error(405, "MethodNotAllowed", None, "local-vault has no such operation").send();
    };
    let counted = Counted { operation: call.operation(), vault: vault.to_owned(), name: call.name.clone() };
    let fault = state.faults.strike(&counted, Instant::now());
    let answer = async {
        let audiences = [resource.clone(), "https://vault.localhost".to_owned()];
        let caller = match state.tokens.check(token, &audiences) {
            Ok(caller) => caller,
            Err(refused) => return refused.with("www-authenticate", challenge),
        };
        let roles = state.tokens.identity(&caller.client_id).map(|i| i.roles.clone()).unwrap_or_default();
        if !call.allowed(vault, &roles) {
            return data_plane::forbidden(&call, vault, &caller);
        }
        let base = format!("https://{vault}.vault.localhost:{}", state.port);
        data_plane::run(&mut lock(&state.store), &call, vault, &base, &request.query, &request.body)
    };
    match fault {
        Some(fault) => struck(&fault, &state.faults, answer).await,
        None => answer.await.send(),
    }
}

async fn plain(state: &State, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let request = Read::of(request).await?;
    match request.path.as_str() {
        "/msi/token" if request.header("x-identity-header") != state.identity_header => {
            Answer { status: 401, headers: Vec::new(), body: json!({"error": "unauthorized_client"}) }.send()
        }
        "/metadata/identity/oauth2/token" if request.header("metadata") != "true" => Answer {
            status: 400,
            headers: Vec::new(),
            body: json!({"error": "invalid_request", "error_description": "Required metadata header not specified"}),
        }
        .send(),
        "/msi/token" | "/metadata/identity/oauth2/token" => {
            let counted = Counted {
                operation: "identity".to_owned(),
                vault: String::new(),
                name: request.query.get("client_id").cloned().unwrap_or_default(),
            };
            let resource = request.query.get("resource").map(String::as_str).unwrap_or_default();
            let answer = async { state.tokens.managed(request.query.get("client_id").map(String::as_str), resource) };
            match state.faults.strike(&counted, Instant::now()) {
                Some(fault) => struck(&fault, &state.faults, answer).await,
                None => answer.await.send(),
            }
        }
        path if path.starts_with("/admin/") => admin::run(state, &request).send(),
        _ => Answer { status: 404, headers: Vec::new(), body: Value::Null }.send(),
    }
}
