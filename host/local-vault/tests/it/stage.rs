//! A vault `shop` with a client that trusts it.

use local_vault::{LocalVault, Options, Seed};
use serde_json::Value;
use std::net::SocketAddr;

/// An identity `reader` that may do everything in the vault `shop`; what a test adds goes on below `shop`.
pub const SEED: &str = "
identities:
- name: reader
  secret: reader-secret
  roles:
  - vault: shop
    allow: [secrets/get, secrets/list, secrets/set, secrets/delete, certificates/get, certificates/list, keys/get, keys/list]
- {name: stranger, secret: stranger-secret}
vaults:
- name: shop
";

/// An answer, read.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    async fn of(answer: reqwest::Response) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.expect("a body");
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|text| text.to_str().ok()).unwrap_or_default()
    }

    /// `error.code/error.innererror.code`, without the slash if there is no inner one.
    pub fn code(&self) -> String {
        let error = &self.body["error"];
        let inner = error["innererror"]["code"].as_str().map(|inner| format!("/{inner}")).unwrap_or_default();
        format!("{}{inner}", error["code"].as_str().unwrap_or_default())
    }

    /// The text of an error.
    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
}

pub struct Stage {
    pub vault: LocalVault,
    pub http: reqwest::Client,
}

impl Stage {
    /// With the seed of all tests and more of the vault `shop`, indented by two.
    pub async fn with(objects: &str) -> Self {
        Self::start(&format!("{SEED}{objects}")).await
    }

    pub async fn start(seed: &str) -> Self {
        Self::of(Seed::parse(seed).unwrap_or_else(|e| panic!("{e}"))).await
    }

    pub async fn of(seed: Seed) -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let vault = LocalVault::start(seed, Options::default()).await.unwrap_or_else(|e| panic!("{e}"));
        let here = SocketAddr::from(([127, 0, 0, 1], vault.port()));
        let ca = reqwest::Certificate::from_pem(vault.ca_pem().as_bytes()).expect("a certificate");
        let mut http = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).resolve("login.localhost", here);
        for (name, _) in vault.vaults() {
            http = http.resolve(&format!("{name}.vault.localhost"), here);
        }
        let http = http.build().expect("a client");
        Self { vault, http }
    }

    /// A path of the vault `shop`, with the version of the interface.
    pub fn url(&self, path: &str) -> String {
        format!("https://shop.vault.localhost:{}{path}?api-version=7.6", self.vault.port())
    }

    pub async fn get(&self, path: &str, token: &str) -> Reply {
        Reply::of(self.http.get(self.url(path)).bearer_auth(token).send().await.expect("an answer")).await
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        Reply::of(request.send().await.expect("an answer")).await
    }

    /// Posts a form to the token endpoint.
    pub async fn login(&self, form: &[(&str, &str)]) -> Reply {
        let tenant = local_vault::seed::DEFAULT_TENANT;
        let url = format!("https://login.localhost:{}/{tenant}/oauth2/v2.0/token", self.vault.port());
        let scope = self.scope();
        let usual = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
        self.send(self.http.post(url).form(&[&usual, form].concat())).await
    }

    pub fn scope(&self) -> String {
        format!("https://vault.localhost:{}/.default", self.vault.port())
    }

    /// A variable that the vault gives to the identity's program.
    pub fn variable(&self, identity: &str, name: &str) -> String {
        let found = self.vault.environment(identity).into_iter().find(|(n, _)| n == name);
        found.unwrap_or_else(|| panic!("{name}")).1
    }

    /// A token by client secret.
    pub async fn token_of(&self, identity: &str) -> String {
        let id = self.variable(identity, "AZURE_CLIENT_ID");
        let secret = self.variable(identity, "AZURE_CLIENT_SECRET");
        let reply = self.login(&[("client_id", &id), ("client_secret", &secret)]).await;
        token(&reply)
    }

    /// A token of `reader`.
    pub async fn token(&self) -> String {
        self.token_of("reader").await
    }

    /// The form that shows an assertion.
    pub async fn assert(&self, client: &str, assertion: &str) -> Reply {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        self.login(&[("client_id", client), ("client_assertion_type", kind), ("client_assertion", assertion)]).await
    }
}

/// The token in an answer of the token service.
pub fn token(reply: &Reply) -> String {
    reply.body["access_token"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
}

/// `error AADSTS…` of a refusal, or `token`.
pub fn verdict(reply: &Reply) -> String {
    match reply.body["error_codes"][0].as_u64() {
        Some(code) => format!("{} {code}", reply.status),
        None => format!("{} {}", reply.status, if reply.body["access_token"].is_string() { "token" } else { "?" }),
    }
}
