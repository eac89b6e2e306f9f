//! Routes by host: `login.localhost` is the token service, `<vault>.vault.localhost` a data plane. The plain listener has the
//! managed identity endpoint and the admin interface.

use crate::admin;
use crate::answer::{Answer, Body, struck};
use crate::call::Call;
use crate::data_plane;
use crate::fault::Request as Counted;
use crate::lock::lock;
use crate::managed::Endpoint;
use crate::refusal;
use crate::request::Read;
use crate::state::State;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};
use std::io;
use std::time::Instant;

/// Answers a request of the TLS listener.
///
/// # Errors
/// An error ends the connection.
pub async fn secure(state: &State, request: Request<Incoming>) -> io::Result<Response<Body>> {
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
            let form = request.form();
            let known = form.get("client_id").and_then(|id| state.tokens.by_client_id(id));
            let name = known.map(|i| i.name.clone()).unwrap_or_default();
            let counted = Counted { operation: "token".to_owned(), vault: String::new(), name };
            faulty(state, &counted, state.tokens.token(tenant, &form)).await
        }
        ("GET", [_, "v2.0", ".well-known", "openid-configuration"]) => Answer::ok(state.tokens.configuration()).send(),
        ("GET", [_, "discovery", "v2.0", "keys"]) => Answer::ok(state.tokens.jwks().clone()).send(),
        ("GET", ["common", "discovery", "instance"]) => {
            let discovery = format!("{}/v2.0/.well-known/openid-configuration", state.tokens.directory());
            Answer::ok(json!({"tenant_discovery_endpoint": discovery, "api-version": "1.1", "metadata": []})).send()
        }
        _ => Answer { status: 404, headers: Vec::new(), body: json!({"error": "not_found"}) }.send(),
    }
}

/// Counts the request, and answers it as the fault that strikes it says.
async fn faulty(state: &State, counted: &Counted, answer: impl Future<Output = Answer>) -> io::Result<Response<Body>> {
    match state.faults.strike(counted, Instant::now()) {
        Some(fault) => struck(&fault, &state.faults, answer).await,
        None => answer.await.send(),
    }
}

async fn vault_request(state: &State, vault: &str, request: &Read) -> io::Result<Response<Body>> {
    let resource = format!("https://vault.localhost:{}", state.port);
    let challenge = format!("Bearer authorization=\"{}\", resource=\"{resource}\"", state.tokens.directory());
    let Some(token) = request.header("authorization").strip_prefix("Bearer ") else {
        // Counted, never struck: no client gets anywhere without its challenge, and a fault is for what comes after it.
        state.faults.count(&Counted {
            operation: "challenge".to_owned(),
            vault: vault.to_owned(),
            name: String::new(),
        });
        return refusal::no_token().with("www-authenticate", challenge).send();
    };
    let Some(call) = Call::parse(&request.method, &request.path) else {
        return Answer::error(405, "MethodNotAllowed", None, "local-vault has no such operation").send();
    };
    let counted = Counted { operation: call.operation(), vault: vault.to_owned(), name: call.name.clone() };
    let answer = async {
        // First, since it is the cheapest, and a vault that is asked too much does not even look at who asks.
        if let Err(seconds) = state.throttle.admit(vault, &call, Instant::now()) {
            return refusal::throttled(seconds);
        }
        let caller = match state.tokens.check(token, &[&resource, "https://vault.localhost"]) {
            Ok(caller) => caller,
            Err(refused) => return refused.with("www-authenticate", challenge),
        };
        if !call.allowed(vault, &caller.identity.roles) {
            let authorization = lock(&state.store).authorization(vault);
            return refusal::forbidden(&call, vault, &caller, authorization);
        }
        let base = format!("https://{vault}.vault.localhost:{}", state.port);
        data_plane::run(&mut lock(&state.store), &call, vault, &base, &request.query, &request.body)
    };
    faulty(state, &counted, answer).await
}

/// Answers a request of the plain listener.
///
/// # Errors
/// An error ends the connection.
pub async fn plain(state: &State, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let request = Read::of(request).await?;
    let endpoint = match request.path.as_str() {
        "/msi/token" => Endpoint::AppService,
        "/metadata/identity/oauth2/token" => Endpoint::Machine,
        path if path.starts_with("/admin/") => return admin::run(state, &request).send(),
        _ => return Answer { status: 404, headers: Vec::new(), body: Value::Null }.send(),
    };
    let asked = state.tokens.asked(endpoint, &request, &state.identity_header);
    let name = asked.as_ref().map(|(identity, _)| identity.name.clone()).unwrap_or_default();
    let counted = Counted { operation: "identity".to_owned(), vault: String::new(), name };
    let answer = async {
        match asked {
            Ok((identity, resource)) => state.tokens.managed(identity, &resource),
            Err(refused) => refused,
        }
    };
    faulty(state, &counted, answer).await
}
