//! Registries, token services and stores behind one listener on loopback: real TLS with an authority of its own, documents as
//! data, a script that may answer before them, and a list of everything that was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use akv_registry::{Image, ImageCommand, Kind, Platform, PullPolicy, PullSecret, Refusal, Registry, Settings};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use ring::digest::{SHA256, digest};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::folder::Folder;
use crate::reply::{Asked, Reply};

/// Whom the listener is to its clients.
pub const NAMES: [&str; 9] = [
    "registry.localhost",
    "mirror.localhost",
    "store.localhost",
    "auth.localhost",
    "evil.localhost",
    "my.azurecr.localhost",
    "evil-azurecr.localhost",
    "127.0.0.1",
    "127.0.0.2",
];

type Script = Box<dyn Fn(&Asked) -> Option<Reply> + Send>;

#[derive(Clone)]
pub struct Stage(Arc<Inner>);

struct Inner {
    port: u16,
    authority: String,
    documents: Mutex<BTreeMap<String, Reply>>,
    script: Mutex<Option<Script>>,
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
}

impl Stage {
    pub async fn new() -> Self {
        Self::at("127.0.0.1", true).await
    }

    /// At one of the machine's own addresses, with TLS or without.
    pub async fn at(address: &str, secure: bool) -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = ca.self_signed(&ca_key).expect("an authority").pem();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().expect("a key");
        let leaf =
            CertificateParams::new(NAMES.map(str::to_owned)).expect("names").signed_by(&key, &issuer).expect("signed");
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], der)
            .expect("a configuration");
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((address, 0)).await.expect("a free port");
        let stage = Self(Arc::new(Inner {
            port: listener.local_addr().expect("an address").port(),
            authority,
            documents: Mutex::default(),
            script: Mutex::default(),
            asked: Mutex::default(),
            connections: AtomicUsize::new(0),
        }));
        let served = stage.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                served.0.connections.fetch_add(1, Ordering::SeqCst);
                let (stage, tls) = (served.clone(), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| stage.serve(request));
                    let http = http1::Builder::new();
                    if !secure {
                        let _ = http.serve_connection(TokioIo::new(socket), service).await;
                    // A client that does not trust us ends the handshake, which is its right.
                    } else if let Ok(stream) = tls.accept(socket).await {
                        let _ = http.serve_connection(TokioIo::new(stream), service).await;
                    }
                });
            }
        });
        stage
    }

    async fn serve(
        &self,
        request: hyper::Request<Incoming>,
    ) -> Result<
        hyper::Response<impl hyper::body::Body<Data = hyper::body::Bytes, Error = Infallible> + use<>>,
        Infallible,
    > {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let header = |name: &str| head.headers.get(name).map(|value| value.to_str().expect("text").to_owned());
        let asked = Asked {
            method: head.method.to_string(),
            host: header("host").unwrap_or_default().split(':').next().unwrap_or_default().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            authorization: header("authorization"),
            body: String::from_utf8(body.to_vec()).expect("text"),
        };
        self.0.asked.lock().expect("no panic").push(asked.clone());
        let scripted = self.0.script.lock().expect("no panic").as_ref().and_then(|script| script(&asked));
        let reply = scripted.unwrap_or_else(|| {
            self.0.documents.lock().expect("no panic").get(&asked.path).cloned().unwrap_or(Reply::status(404))
        });
        let mut response = reply.response().await;
        // The answer to HEAD has headers only.
        if asked.method == "HEAD" {
            *response.body_mut() = Reply::ok("").response().await.into_body();
        }
        Ok(response)
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// `host:port`.
    pub fn host(&self, name: &str) -> String {
        format!("{name}:{}", self.0.port)
    }

    /// An image of the usual registry.
    pub fn image(&self, rest: &str) -> Image {
        Image::parse(&format!("{}/{rest}", self.host("registry.localhost"))).expect("an image")
    }

    /// Answers by `script` where it gives something.
    pub fn script(&self, script: impl Fn(&Asked) -> Option<Reply> + Send + 'static) {
        *self.0.script.lock().expect("no panic") = Some(Box::new(script));
    }

    /// Puts a document of a repository under its digest, which is returned.
    pub fn put(&self, repository: &str, kind: &str, body: &str) -> String {
        let digest = sha256(body);
        self.put_as(repository, kind, &digest, body);
        digest
    }

    /// Puts a document under a reference.
    pub fn put_as(&self, repository: &str, kind: &str, reference: &str, body: &str) {
        let reply = Reply::ok(body).with("docker-content-digest", sha256(body));
        self.0.documents.lock().expect("no panic").insert(format!("/v2/{repository}/{kind}/{reference}"), reply);
    }

    /// Puts an image with this command under a tag, and returns its digest.
    pub fn put_image(&self, repository: &str, tag: &str, entrypoint: &str) -> String {
        let config = format!(
            r#"{{"os":"linux","architecture":"amd64","config":{{"Entrypoint":["{entrypoint}"],"Cmd":["serve"]}}}}"#
        );
        let manifest = manifest(&self.put(repository, "blobs", &config));
        self.put_as(repository, "manifests", tag, &manifest);
        self.put(repository, "manifests", &manifest)
    }

    /// Everything that was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.0.asked.lock().expect("no panic").clone()
    }

    /// The same, as lines, and forgotten.
    pub fn take_lines(&self) -> Vec<String> {
        self.0.asked.lock().expect("no panic").drain(..).map(|asked| asked.line()).collect()
    }

    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::SeqCst)
    }

    /// Settings by which the listener is trusted and inside the fence under all its names.
    pub fn settings(&self, folder: &Folder) -> Settings {
        Settings {
            allowed_networks: vec!["127.0.0.1/32".to_owned()],
            extra_ca: Some(folder.write("ca.pem", &self.0.authority)),
            ..Settings::new(NAMES.map(|name| self.host(name)).to_vec())
        }
    }

    pub fn registry(&self) -> Registry {
        Registry::new(self.settings(&Folder::new())).expect("a registry")
    }

    /// A pull secret for one of the names.
    pub fn secret(&self, name: &str, user: &str, password: &str) -> PullSecret {
        self.secret_of(name, serde_json::json!({"username": user, "password": password}))
    }

    pub fn secret_of(&self, name: &str, login: serde_json::Value) -> PullSecret {
        let document = serde_json::json!({"auths": {self.host(name): login}}).to_string();
        PullSecret::parse(Kind::DockerConfigJson, document.as_bytes()).expect("a secret")
    }
}

pub fn sha256(body: &str) -> String {
    let digits: String = digest(&SHA256, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// A manifest with this configuration.
pub fn manifest(config: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}"}},"layers":[]}}"#
    )
}

/// Longer than anything takes that is meant to succeed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks as a pod of an amd64 node that wants a fresh tag.
pub async fn ask(registry: &Registry, image: &Image, secrets: &[PullSecret]) -> Result<ImageCommand, Refusal> {
    ask_for(registry, image, secrets, PATIENCE).await
}

pub async fn ask_for(
    registry: &Registry,
    image: &Image,
    secrets: &[PullSecret],
    patience: Duration,
) -> Result<ImageCommand, Refusal> {
    let deadline = Instant::now() + patience;
    registry.command(image, &Platform::new("amd64"), secrets, PullPolicy::Always, deadline).await
}
