//! Something between a controller and the API server that a test can shut: requests wait or fail, watches break.

use crate::cluster::Cluster;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// What a controller writes is far smaller.
const LARGEST_REQUEST: usize = 8 << 20;

/// A plain HTTP server that passes everything on to the API server as it is. It ends when it is dropped.
pub struct Gate {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    server: String,
    http: reqwest::Client,
    shut: watch::Sender<bool>,
    rules: Mutex<Vec<Rule>>,
    expired: AtomicUsize,
}

struct Rule {
    method: &'static str,
    path: String,
    act: Act,
}

enum Act {
    /// So many more times.
    Refuse(usize),
    /// Says that the request is here, and waits until it may go on.
    Hold(oneshot::Sender<()>, oneshot::Receiver<()>),
}

/// A request that is kept waiting.
pub struct Held {
    here: Option<oneshot::Receiver<()>>,
    go: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the request has come.
    pub async fn here(&mut self) {
        if let Some(here) = self.here.take() {
            here.await.expect("the gate stands");
        }
    }

    /// Lets it go on.
    pub fn go(self) {
        // Who waited may have been cut off since.
        let _gone = self.go.send(());
    }
}

impl Gate {
    /// An open gate before the API server of `cluster`.
    pub async fn before(cluster: &Cluster) -> Self {
        let pem = std::fs::read(cluster.ca_file()).expect("the API server wrote its certificate");
        let authorities = reqwest::Certificate::from_pem_bundle(&pem).expect("PEM");
        let http = reqwest::Client::builder().tls_certs_only(authorities).no_gzip().build().expect("a client");
        let shared = Arc::new(Shared {
            server: cluster.access().url.clone(),
            http,
            shut: watch::Sender::new(false),
            rules: Mutex::default(),
            expired: AtomicUsize::new(0),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let app = Router::new().fallback(pass).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("the gate stands") });
        Self { address, shared, task }
    }

    /// A kubeconfig that leads through the gate, made of one that leads to the server.
    pub fn kubeconfig(&self, direct: &Path) -> PathBuf {
        let text = std::fs::read_to_string(direct).unwrap_or_else(|e| panic!("{}: {e}", direct.display()));
        let mut config: Value = serde_json::from_str(&text).expect("our kubeconfigs are JSON");
        config["clusters"][0]["cluster"] = serde_json::json!({"server": format!("http://{}", self.address)});
        let path = direct.with_extension("gate.kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    /// Breaks every watch, and answers 503 to whatever comes.
    pub fn shut(&self) {
        self.shared.shut.send_replace(true);
    }

    /// Passes on again.
    pub fn open(&self) {
        self.shared.shut.send_replace(false);
    }

    /// Answers 500 to the next `times` requests of this method whose path ends so.
    pub fn refuse(&self, method: &'static str, path: &str, times: usize) {
        self.shared.rules().push(Rule { method, path: path.to_owned(), act: Act::Refuse(times) });
    }

    /// Keeps the next request of this method whose path ends so.
    pub fn hold(&self, method: &'static str, path: &str) -> Held {
        let ((came, here), (go, gone)) = (oneshot::channel(), oneshot::channel());
        self.shared.rules().push(Rule { method, path: path.to_owned(), act: Act::Hold(came, gone) });
        Held { here: Some(here), go }
    }

    /// How many refusals are left to give.
    pub fn refusals_left(&self) -> usize {
        let left = |rule: &Rule| if let Act::Refuse(times) = rule.act { times } else { 0 };
        self.shared.rules().iter().map(left).sum()
    }

    /// How many watches the server ended with 410 because what they asked for is too old.
    pub fn expired(&self) -> usize {
        self.shared.expired.load(Ordering::Relaxed)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a rule has for this request; one that is used up is gone.
    fn rule(&self, method: &str, path: &str) -> Option<Act> {
        let mut rules = self.rules();
        let at = rules.iter().position(|r| r.method == method && path.ends_with(&r.path))?;
        if let Act::Refuse(times) = &mut rules[at].act
            && *times > 1
        {
            *times -= 1;
            return Some(Act::Refuse(*times));
        }
        Some(rules.remove(at).act)
    }

    fn look(&self, chunk: &Bytes) {
        let text = String::from_utf8_lossy(chunk);
        if text.contains("\"type\":\"ERROR\"") && text.contains("\"code\":410") {
            self.expired.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let mut shut = shared.shut.subscribe();
    if *shut.borrow_and_update() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match shared.rule(request.method().as_str(), request.uri().path()) {
        // The client itself tries again after 503.
        Some(Act::Refuse(_)) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Act::Hold(came, go)) => {
            // The test may have stopped looking.
            let (_, _) = (came.send(()), go.await);
        }
        None => {}
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let asked = shared.http.request(parts.method, format!("{}{path}", shared.server));
    let answer = match asked.headers(end_to_end(&parts.headers)).body(body).send().await {
        Ok(answer) => answer,
        // As a load balancer says when nobody is behind it.
        Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
    };
    let (status, headers) = (answer.status(), end_to_end(answer.headers()));
    let chunks = Box::pin(answer.bytes_stream());
    let body = futures::stream::unfold(Some((chunks, shut)), move |state| {
        let shared = shared.clone();
        async move {
            let (mut chunks, mut shut) = state?;
            let next = tokio::select! {
                chunk = chunks.next() => Some(chunk?),
                _ = shut.wait_for(|shut| *shut) => None,
            };
            match next {
                Some(chunk) => {
                    chunk.iter().for_each(|chunk| shared.look(chunk));
                    Some((chunk.map_err(std::io::Error::other), Some((chunks, shut))))
                }
                // A stream that ends with an error is an answer that breaks off.
                None => Some((Err(std::io::Error::other("the gate was shut")), None)),
            }
        }
    });
    let body = Body::from_stream(body);
    (status, headers, body).into_response()
}

/// The headers that are not about one connection. Without `accept-encoding` nothing is compressed, so it can be read here.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in [
        header::HOST,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
        header::ACCEPT_ENCODING,
        header::UPGRADE,
    ] {
        kept.remove(name);
    }
    kept
}
