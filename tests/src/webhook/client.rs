//! A container that speaks to the auth service, in Rust: what the executable says, and what an attacker might.

use akv_wire::message::{CERTIFICATE, CertificateAnswer, CertificateRequest, RESOURCES, ResourcesAnswer};
use reqwest::{Certificate, Identity, Method, RequestBuilder};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A busy machine; a test that waits longer has found something.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client at one of loopback's addresses, with or without a certificate.
#[derive(Clone)]
pub struct Asker {
    service: SocketAddr,
    root: Vec<u8>,
    from: Option<IpAddr>,
    /// Chain and key in PEM.
    pem: Option<String>,
    client: reqwest::Client,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status; 0 if the connection was refused or broke, a handshake that fails included.
    pub status: u16,
    /// JSON, or text, or null.
    pub body: Value,
    /// Of the header.
    pub retry_after: Option<String>,
    /// Why there is no status.
    pub error: String,
}

impl Answer {
    /// The reason of a refusal.
    pub fn reason(&self) -> &str {
        self.body["reason"].as_str().unwrap_or_default()
    }

    /// The resources of an answer to who may.
    pub fn resources(self) -> ResourcesAnswer {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_value(self.body).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A key and a signing request for it, in PEM.
pub fn signing_request() -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let request = rcgen::CertificateParams::default().serialize_request(&key).expect("a request");
    (key.serialize_pem(), request.pem().expect("PEM"))
}

impl Asker {
    /// One without a certificate, that trusts this root alone.
    pub fn new(service: SocketAddr, root: &[u8]) -> Self {
        Self::made(service, root.to_vec(), None, None)
    }

    fn made(service: SocketAddr, root: Vec<u8>, from: Option<IpAddr>, pem: Option<String>) -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let trusted = Certificate::from_der(&root).expect("a root");
        let mut builder = reqwest::Client::builder().tls_certs_only([trusted]).timeout(TIMEOUT).local_address(from);
        if let Some(pem) = &pem {
            builder = builder.identity(Identity::from_pem(pem.as_bytes()).expect("a chain and a key"));
        }
        let client = builder.build().expect("a client");
        Self { service, root, from, pem, client }
    }

    /// The same from another address of loopback.
    pub fn from(&self, address: &str) -> Self {
        let address = address.parse().expect("an address");
        Self::made(self.service, self.root.clone(), Some(address), self.pem.clone())
    }

    /// The same with fresh connections.
    pub fn again(&self) -> Self {
        Self::made(self.service, self.root.clone(), self.from, self.pem.clone())
    }

    /// The same, of another replica or port.
    pub fn at(&self, service: SocketAddr) -> Self {
        Self::made(service, self.root.clone(), self.from, self.pem.clone())
    }

    /// With a certificate, chain and key in PEM.
    pub fn with(&self, pem: &str) -> Self {
        Self::made(self.service, self.root.clone(), self.from, Some(pem.to_owned()))
    }

    /// Asks for a certificate and takes it.
    pub async fn enrolled(&self, container: &str, token: &str) -> Self {
        let (key, request) = signing_request();
        let answer = self.certificate(container, token, &request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let chain: CertificateAnswer = serde_json::from_value(answer.body).unwrap_or_else(|error| panic!("{error}"));
        self.with(&(chain.chain + &key))
    }

    /// Asks for a certificate.
    pub async fn certificate(&self, container: &str, token: &str, request: &str) -> Answer {
        let (container, token, request) = (container.to_owned(), token.to_owned(), request.to_owned());
        self.post(CERTIFICATE, &json!(CertificateRequest { container, token, request })).await
    }

    /// Asks for resources, each as `(name, queries)`, as a container that runs our engine.
    pub async fn resources(&self, wanted: &[(&str, &[&str])]) -> Answer {
        self.resources_as(akv_plugin::made_for::ENGINE, wanted).await
    }

    /// The same, as a container with another engine. An empty query is none.
    pub async fn resources_as(&self, engine: &str, wanted: &[(&str, &[&str])]) -> Answer {
        let query = |query: &&str| (!query.is_empty()).then(|| (*query).to_owned());
        let resources: Vec<Value> = wanted
            .iter()
            .map(|(name, queries)| json!({"name": name, "queries": queries.iter().map(query).collect::<Vec<_>>()}))
            .collect();
        let target = akv_plugin::made_for::target();
        self.post(RESOURCES, &json!({"engine": engine, "target": target, "resources": resources})).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Gets.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Gets bytes.
    pub async fn bytes(&self, path: &str) -> (u16, Vec<u8>) {
        match self.request(Method::GET, path).send().await {
            Ok(answer) => (answer.status().as_u16(), answer.bytes().await.map(|b| b.to_vec()).unwrap_or_default()),
            Err(_) => (0, Vec::new()),
        }
    }

    /// A request that a test makes worse.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("https://{}{path}", self.service))
    }

    /// Sends it.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        match request.send().await {
            Err(error) => Answer { status: 0, body: Value::Null, retry_after: None, error: format!("{error:?}") },
            Ok(answer) => {
                let status = answer.status().as_u16();
                let retry_after = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()).map(str::to_owned);
                let text = answer.text().await.unwrap_or_default();
                let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
                Answer { status, body, retry_after, error: String::new() }
            }
        }
    }
}
