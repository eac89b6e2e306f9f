//! A token service, vaults and a machine's identity endpoint behind one listener on loopback: real TLS with an authority of
//! its own, answers as data, and a list of everything that was asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use akv_vault::{AuthType, Settings, Timeouts};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::folder::Folder;
use crate::http::{Asked, Reply, read, write};

/// A version as Key Vault makes them.
pub const V1: &str = "4387e9f3d6e14c459867679a90fd0f79";
/// Another one.
pub const V2: &str = "00112233445566778899aabbccddeeff";

type Script = Box<dyn Fn(&Asked) -> Option<Reply> + Send>;

/// The listener. Objects are bodies by path, and a script may answer before them.
#[derive(Clone)]
pub struct Stage(Arc<Inner>);

struct Inner {
    port: u16,
    authority: String,
    objects: Mutex<BTreeMap<String, String>>,
    script: Mutex<Option<Script>>,
    asked: Mutex<Vec<Asked>>,
    tokens: AtomicUsize,
}

impl Stage {
    /// With TLS: `*.vault.localhost` and `login.localhost`.
    pub async fn secure() -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = ca.self_signed(&ca_key).expect("an authority").pem();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().expect("a key");
        let names = ["*.vault.localhost", "login.localhost"].map(str::to_owned);
        let leaf = CertificateParams::new(names).expect("parameters").signed_by(&key, &issuer).expect("signed");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a configuration");
        Self::listen(Some(TlsAcceptor::from(Arc::new(config))), authority).await
    }

    /// Without TLS, as a machine's own endpoint is.
    pub async fn plain() -> Self {
        Self::listen(None, String::new()).await
    }

    async fn listen(tls: Option<TlsAcceptor>, authority: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let stage = Self(Arc::new(Inner {
            port: listener.local_addr().expect("an address").port(),
            authority,
            objects: Mutex::default(),
            script: Mutex::default(),
            asked: Mutex::default(),
            tokens: AtomicUsize::new(0),
        }));
        let served = stage.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (stage, tls) = (served.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        // A client that does not trust us ends the handshake, which is its right.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(socket).await {
                                stage.serve(stream).await;
                            }
                        }
                        None => stage.serve(socket).await,
                    }
                });
            }
        });
        stage
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// Puts a body under a path such as `/secrets/db/`.
    pub fn put(&self, path: &str, body: String) {
        self.0.objects.lock().expect("no panic").insert(path.to_owned(), body);
    }

    /// Puts the latest version of a secret, and the same under its version.
    pub fn put_secret(&self, name: &str, version: &str, value: &str) {
        let body = format!(
            r#"{{"value":"{value}","id":"https://demo.vault.localhost/secrets/{name}/{version}","attributes":{{"enabled":true}}}}"#
        );
        self.put(&format!("/secrets/{name}/"), body.clone());
        self.put(&format!("/secrets/{name}/{version}"), body);
    }

    /// Answers by `script` where it gives something.
    pub fn script(&self, script: impl Fn(&Asked) -> Option<Reply> + Send + 'static) {
        *self.0.script.lock().expect("no panic") = Some(Box::new(script));
    }

    /// Answers as usual again.
    pub fn mend(&self) {
        *self.0.script.lock().expect("no panic") = None;
    }

    /// Requests with a token or for one, as `GET /path`, in order; the first of a client's, by which it learns the scope,
    /// is left out.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.0.asked.lock().expect("no panic");
        let counted = asked.iter().filter(|asked| asked.method == "POST" || asked.has_token());
        counted.map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }

    /// Everything that was asked.
    pub fn all(&self) -> Vec<Asked> {
        self.0.asked.lock().expect("no panic").clone()
    }

    /// Requests for a token.
    pub fn logins(&self) -> Vec<Asked> {
        self.all()
            .into_iter()
            .filter(|asked| asked.host.starts_with("login.") || asked.path.contains("token"))
            .collect()
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if let Some(reply) = self.0.script.lock().expect("no panic").as_ref().and_then(|script| script(asked)) {
            return reply;
        }
        let json = |body: String| Reply::Full(200, vec![("content-type", "application/json".to_owned())], body);
        if asked.host.starts_with("login.") || asked.path.contains("token") {
            let number = self.0.tokens.fetch_add(1, Ordering::SeqCst);
            return json(format!(r#"{{"access_token":"token-{number}","expires_in":3600,"token_type":"Bearer"}}"#));
        }
        if !asked.has_token() {
            let challenge = r#"Bearer authorization="https://login.localhost/t", resource="https://vault.localhost""#;
            return Reply::error(401, "Unauthorized", "", "AKV10000: no token").with("www-authenticate", challenge);
        }
        match self.0.objects.lock().expect("no panic").get(&asked.path) {
            Some(body) => json(body.clone()),
            None => Reply::error(404, "SecretNotFound", "", "A secret with (name/id) was not found in this key vault."),
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) {
        while let Some(asked) = read(&mut stream).await {
            self.0.asked.lock().expect("no panic").push(asked.clone());
            let reply = self.answer(&asked);
            // A client may hang up at any time.
            if !matches!(write(&mut stream, reply).await, Ok(true)) {
                return;
            }
        }
    }

    /// Settings by client secret, in an Azure Stack cloud that is this listener. The folder holds the files.
    pub fn settings(&self, folder: &Folder) -> Settings {
        let cloud = format!(
            r#"{{"keyVaultDNSSuffix":"vault.localhost:{0}","activeDirectoryEndpoint":"https://login.localhost:{0}"}}"#,
            self.0.port
        );
        let mut environment: BTreeMap<String, String> = [
            ("AZURE_ENVIRONMENT", "AzureStackCloud".to_owned()),
            ("AZURE_ENVIRONMENT_FILEPATH", folder.write("cloud.json", &cloud)),
            ("AZURE_TENANT_ID", "tenant".to_owned()),
            ("AZURE_CLIENT_ID", "client".to_owned()),
            ("AZURE_CLIENT_SECRET", "s+cret&=".to_owned()),
        ]
        .map(|(name, text)| (name.to_owned(), text))
        .into();
        environment.insert("SSL_CERT_FILE".to_owned(), folder.write("ca.pem", &self.0.authority));
        Settings {
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                per_try: Duration::from_millis(700),
                retry: Duration::from_secs(5),
                total: Duration::from_secs(20),
            },
            ..Settings::new("controller", AuthType::Environment, environment)
        }
    }
}
