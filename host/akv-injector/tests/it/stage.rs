//! An auth service that speaks the wire: real TLS, real certificates of pods, answers as a test gives them.

use akv_authority::{Bundle, Lifetimes, Peers, pod_certificate, serving};
use akv_wire::PodIdentity;
use akv_wire::message::{
    CERTIFICATE, CertificateAnswer, CertificateRequest, PLUGINS, RESOURCES, Refused, ResourcesAnswer, ResourcesRequest,
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The token that the service takes.
pub const TOKEN: &str = "header.canary-6b1f.signature";

type Answers = Box<dyn Fn(&ResourcesRequest) -> ResourcesAnswer + Send + Sync>;

/// A status with a body, in place of an answer.
pub struct Trouble {
    pub path: &'static str,
    pub status: u16,
    pub retry_after: Option<&'static str>,
    pub body: String,
}

impl Trouble {
    /// As the service says it.
    pub fn refused(path: &'static str, status: u16, again: bool) -> Self {
        let message = format!("status {status} on purpose");
        let refused = Refused { reason: "Purpose".to_owned(), message, retry_after: None, again };
        Self { path, status, retry_after: None, body: serde_json::to_string(&refused).expect("JSON") }
    }
}

pub struct Stage(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    bundle: Bundle,
    answers: Answers,
    plugins: BTreeMap<String, Vec<u8>>,
    troubles: Mutex<Vec<Trouble>>,
    asked: Mutex<Vec<String>>,
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

impl Stage {
    /// On a free port.
    pub async fn start(answers: impl Fn(&ResourcesRequest) -> ResourcesAnswer + Send + Sync + 'static) -> Self {
        Self::with_plugins(answers, []).await
    }

    /// With compiled plugins by digest.
    pub async fn with_plugins(
        answers: impl Fn(&ResourcesRequest) -> ResourcesAnswer + Send + Sync + 'static,
        plugins: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let inner = Inner {
            address: listener.local_addr().expect("an address"),
            bundle: Bundle::make(now(), Lifetimes::default()).expect("keys"),
            answers: Box::new(answers),
            plugins: plugins.into_iter().collect(),
            troubles: Mutex::default(),
            asked: Mutex::default(),
        };
        let stage = Self(Arc::new(inner));
        tokio::spawn(serve(stage.0.clone(), listener));
        stage
    }

    /// Its address, as the webhook writes it.
    pub fn base(&self) -> String {
        format!("https://localhost:{}", self.0.address.port())
    }

    /// DER of its root.
    pub fn root(&self) -> Vec<u8> {
        self.0.bundle.root().certificate().expect("PEM").to_vec()
    }

    /// The next request of the path gets this instead.
    pub fn trouble(&self, trouble: Trouble) {
        self.0.troubles.lock().expect("no panic").push(trouble);
    }

    /// Paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.0.asked.lock().expect("no panic").clone()
    }
}

async fn serve(inner: Arc<Inner>, listener: TcpListener) {
    let served = serving(&inner.bundle, &["localhost".to_owned()], now(), Lifetimes::default()).expect("a certificate");
    let peers = Peers::of(&[inner.bundle.root().certificate().expect("PEM")]).expect("a root");
    let shown: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(served.certified));
    let config = ServerConfig::builder().with_client_cert_verifier(peers.verifier()).with_cert_resolver(shown);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    while let Ok((socket, _)) = listener.accept().await {
        let (inner, acceptor, peers) = (inner.clone(), acceptor.clone(), peers.clone());
        tokio::spawn(async move {
            // A client that does not trust us ends the handshake, which is its right.
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let chain = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
            let service = hyper::service::service_fn(move |request| {
                let (inner, peers, chain) = (inner.clone(), peers.clone(), chain.clone());
                async move { Ok::<_, Infallible>(inner.answer(&peers, &chain, request).await) }
            });
            let _ended =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Reply = Response<Full<Bytes>>;

fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    Response::builder().status(status).body(Full::new(body.into())).expect("a response")
}

fn json(body: &impl Serialize) -> Reply {
    reply(200, serde_json::to_vec(body).expect("JSON"))
}

impl Inner {
    async fn answer(&self, peers: &Peers, chain: &[CertificateDer<'_>], request: Request<Incoming>) -> Reply {
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        self.asked.lock().expect("no panic").push(path.clone());
        if let Some(trouble) = self.struck(&path) {
            let mut reply = reply(trouble.status, trouble.body);
            if let Some(after) = trouble.retry_after {
                reply.headers_mut().insert("retry-after", after.parse().expect("a value"));
            }
            return reply;
        }
        if path == CERTIFICATE {
            let asked: CertificateRequest = serde_json::from_slice(&body).expect("the wire's shape");
            assert_eq!((asked.token.as_str(), asked.container.as_str()), (TOKEN, "app"));
            let identity =
                PodIdentity { namespace: "n".into(), pod: "p".into(), uid: "u".into(), container: asked.container };
            let chain = pod_certificate(&self.bundle, &identity, &asked.request, now(), Lifetimes::default());
            return json(&CertificateAnswer { chain: chain.expect("a request") });
        }
        if peers.pod(chain, now()).is_err() {
            return reply(401, "{}");
        }
        if path == RESOURCES {
            return json(&(self.answers)(&serde_json::from_slice(&body).expect("the wire's shape")));
        }
        let found = path.strip_prefix(PLUGINS).and_then(|digest| self.plugins.get(digest));
        let ours = query.contains(&format!("engine={}", akv_plugin::made_for::ENGINE));
        found.filter(|_| ours).map_or_else(|| reply(404, "{}"), |bytes| reply(200, bytes.clone()))
    }

    fn struck(&self, path: &str) -> Option<Trouble> {
        let mut troubles = self.troubles.lock().expect("no panic");
        let at = troubles.iter().position(|trouble| path.starts_with(trouble.path))?;
        Some(troubles.remove(at))
    }
}
