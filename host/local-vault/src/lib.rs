//! A Key Vault data plane and its token service on loopback: real TLS, real signed and checked tokens, faults on demand. For development,
//! demo and tests; it is in no production image.

mod admin;
pub mod answer;
mod call;
mod certificates;
mod data_plane;
mod environment;
pub mod fault;
mod identity;
mod issuer;
mod jwt;
mod keys;
mod listener;
mod lock;
mod login;
mod managed;
mod name;
mod p521;
mod refusal;
mod request;
pub mod seed;
mod server;
mod state;
mod store;
mod throttle;
mod thumbprint;
mod token;
mod wire;

pub use fault::Fault;
pub use seed::{Seed, SeedError};

use lock::lock;
use rustls::ServerConfig;
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde_json::{Map, json};
use state::State;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Where and how it listens.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the TLS listener; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address of the plain listener: managed identities and admin interface.
    pub admin: SocketAddr,
    /// Directory for the CA, the cloud description and the like; a fresh one below the system's when absent.
    pub dir: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { listen: any, admin: any, dir: None }
    }
}

/// Why it could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port or a file.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// The seed's objects.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// Certificates of the server.
    #[error("the server's own certificate cannot be made: {0}")]
    Tls(String),
}

/// A running vault. When it is dropped it ends, with its connections and the directory that it made.
pub struct LocalVault {
    state: Arc<State>,
    seed: Seed,
    admin: SocketAddr,
    dir: Directory,
    ca: String,
    tasks: Vec<JoinHandle<()>>,
}

impl LocalVault {
    /// Starts one on the runtime of the caller.
    ///
    /// # Errors
    /// Says which port, file or object is at fault.
    pub async fn start(seed: Seed, options: Options) -> Result<Self, StartError> {
        let bind = async |at: SocketAddr| TcpListener::bind(at).await.map_err(|e| StartError::Io(at.to_string(), e));
        let (tls, plain) = (bind(options.listen).await?, bind(options.admin).await?);
        let address = |l: &TcpListener| l.local_addr().map_err(|e| StartError::Io("a port".to_owned(), e));
        let (port, admin) = (address(&tls)?.port(), address(&plain)?);
        let (acceptor, ca) = acceptor()?;
        let state = Arc::new(State {
            store: Mutex::new(store::Store::new(&seed)?),
            tokens: token::TokenService::new(&seed, port).map_err(StartError::Tls)?,
            faults: fault::Faults::new(seed.faults.clone()),
            throttle: throttle::Throttle::new(seed.throttle, seed.vaults.iter().map(|v| v.name.as_str())),
            port,
            identity_header: format!("local-{port}"),
        });
        let dir = Directory::of(options.dir, port);
        environment::write_files(&dir.path, &ca, port)
            .map_err(|e| StartError::Io(dir.path.display().to_string(), e))?;
        let (secure, open) = (state.clone(), state.clone());
        let secure = move |request| {
            let state = secure.clone();
            async move { server::secure(&state, request).await }
        };
        let open = move |request| {
            let state = open.clone();
            async move { server::plain(&state, request).await }
        };
        let tasks = vec![
            tokio::spawn(listener::serve(tls, Some(acceptor), secure)),
            tokio::spawn(listener::serve(plain, None, open)),
        ];
        Ok(Self { state, seed, admin, dir, ca, tasks })
    }

    /// Port of the TLS listener.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.state.port
    }

    /// Address of the admin interface.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The CA's certificate.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// Where its files are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.dir.path
    }

    /// Variables that make a program use this vault as the identity of this name.
    #[must_use]
    pub fn environment(&self, identity: &str) -> Vec<(String, String)> {
        environment::variables(self, identity)
    }

    /// Addresses of the vaults, by name.
    #[must_use]
    pub fn vaults(&self) -> Vec<(String, String)> {
        self.seed
            .vaults
            .iter()
            .map(|v| (v.name.clone(), format!("https://{}.vault.localhost:{}", v.name, self.state.port)))
            .collect()
    }

    /// Writes a new version of a secret.
    pub fn set_secret(&self, vault: &str, name: &str, value: &str) {
        let bundle = Map::from_iter([("value".to_owned(), json!(value))]);
        lock(&self.state.store).set_secret(vault, name, bundle);
    }

    /// `rotate`, `disable`, `enable`, `delete` or `recover` an object of `secrets`, `certificates` or `keys`.
    ///
    /// # Panics
    /// When there is no such object: the caller is a test or the demo, and its seed is wrong.
    pub fn change(&self, vault: &str, kind: &str, name: &str, act: &str) {
        let changed = lock(&self.state.store).change(vault, kind, name, act);
        assert_eq!(changed, Ok(true), "{act} of {kind}/{name} in {vault}");
    }

    /// Adds a fault.
    pub fn add_fault(&self, fault: Fault) {
        self.state.faults.add(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// Requests so far, as `shop-prod secrets.get db`.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<String, u64> {
        self.state.faults.counters()
    }

    /// Counts from zero again.
    pub fn reset_counters(&self) {
        self.state.faults.reset_counters();
    }

    /// Refuses every token that was issued until now.
    pub fn revoke_tokens(&self) {
        self.state.tokens.revoke();
    }
}

impl Drop for LocalVault {
    fn drop(&mut self) {
        // The connections belong to these tasks.
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The directory of the files.
struct Directory {
    path: PathBuf,
    /// Whether it was made for this vault, and goes with it.
    own: bool,
}

impl Directory {
    fn of(given: Option<PathBuf>, port: u16) -> Self {
        let own = given.is_none();
        let fresh = || std::env::temp_dir().join(format!("local-vault-{}-{port}", std::process::id()));
        Self { path: given.unwrap_or_else(fresh), own }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.own {
            // What cannot be removed stays in the system's temporary directory, which is cleared anyway.
            let _removed = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// A server certificate for every host name, by a CA of its own.
fn acceptor() -> Result<(TlsAcceptor, String), StartError> {
    let tls = |e: &dyn std::fmt::Display| StartError::Tls(e.to_string());
    let ca_key = rcgen::KeyPair::generate().map_err(|e| tls(&e))?;
    let ca_params = certificates::authority("local-vault CA");
    let ca = ca_params.self_signed(&ca_key).map_err(|e| tls(&e))?;
    let issuer = rcgen::Issuer::new(ca_params, ca_key);
    let names = ["*.vault.localhost", "login.localhost", "localhost"].map(str::to_owned).to_vec();
    let key = rcgen::KeyPair::generate().map_err(|e| tls(&e))?;
    let leaf = rcgen::CertificateParams::new(names).and_then(|p| p.signed_by(&key, &issuer)).map_err(|e| tls(&e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| tls(&e))?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .map_err(|e| tls(&e))?;
    Ok((TlsAcceptor::from(Arc::new(config)), ca.pem()))
}
