//! A token service, vaults and a machine's identity endpoint behind one listener on loopback: real TLS with an authority of
//! its own, answers as data, and a list of everything that was asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use akv_vault::{AuthType, Settings, Timeouts};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A version as Key Vault makes them.
pub const V1: &str = "4387e9f3d6e14c459867679a90fd0f79";
/// Another one.
pub const V2: &str = "00112233445566778899aabbccddeeff";

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub host: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Asked {
    /// Whether the request carries a token, and not the empty one.
    pub fn has_token(&self) -> bool {
        let header = self.headers.get("authorization");
        header.is_some_and(|text| {
            text.strip_prefix("Bearer ")
                .is_some_and(|token| !token.is_empty())
        })
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> String {
        let pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, text)| decode(text))
            .next()
            .unwrap_or_default()
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&hex, 16).expect("hex"));
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).expect("text")
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, further headers, a body.
    Full(u16, Vec<(&'static str, String)>, String),
    /// The same, but the connection closes in the middle of the body.
    Truncated(String),
    /// The connection closes without an answer.
    Reset,
    /// Nothing, while the connection stays open.
    SlowHeaders,
    /// Headers and half a body, while the connection stays open.
    SlowBody(String),
}

impl Reply {
    pub fn ok(body: impl Into<String>) -> Self {
        Self::Full(200, Vec::new(), body.into())
    }

    pub fn error(status: u16, code: &str, inner: &str, message: &str) -> Self {
        let body = format!(
            r#"{{"error":{{"code":"{code}","message":"{message}","innererror":{{"code":"{inner}"}}}}}}"#
        );
        Self::Full(status, vec![("x-ms-request-id", "req-1".to_owned())], body)
    }

    pub fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        match self {
            Self::Full(status, mut headers, body) => {
                headers.push((name, value.into()));
                Self::Full(status, headers, body)
            }
            other => other,
        }
    }
}

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
        let leaf = CertificateParams::new(names)
            .expect("parameters")
            .signed_by(&key, &issuer)
            .expect("signed");
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
        self.0
            .objects
            .lock()
            .expect("no panic")
            .insert(path.to_owned(), body);
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
        let counted = asked
            .iter()
            .filter(|asked| asked.method == "POST" || asked.has_token());
        counted
            .map(|asked| format!("{} {}", asked.method, asked.path))
            .collect()
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
        if let Some(reply) = self
            .0
            .script
            .lock()
            .expect("no panic")
            .as_ref()
            .and_then(|script| script(asked))
        {
            return reply;
        }
        let json = |body: String| {
            Reply::Full(
                200,
                vec![("content-type", "application/json".to_owned())],
                body,
            )
        };
        if asked.host.starts_with("login.") || asked.path.contains("token") {
            let number = self.0.tokens.fetch_add(1, Ordering::SeqCst);
            return json(format!(
                r#"{{"access_token":"token-{number}","expires_in":3600,"token_type":"Bearer"}}"#
            ));
        }
        if !asked.has_token() {
            let challenge = r#"Bearer authorization="https://login.localhost/t", resource="https://vault.localhost""#;
            return Reply::error(401, "Unauthorized", "", "AKV10000: no token")
                .with("www-authenticate", challenge);
        }
        match self.0.objects.lock().expect("no panic").get(&asked.path) {
            Some(body) => json(body.clone()),
            None => Reply::error(
                404,
                "SecretNotFound",
                "",
                "A secret with (name/id) was not found in this key vault.",
            ),
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
            (
                "AZURE_ENVIRONMENT_FILEPATH",
                folder.write("cloud.json", &cloud),
            ),
            ("AZURE_TENANT_ID", "tenant".to_owned()),
            ("AZURE_CLIENT_ID", "client".to_owned()),
            ("AZURE_CLIENT_SECRET", "s+cret&=".to_owned()),
        ]
        .map(|(name, text)| (name.to_owned(), text))
        .into();
        environment.insert(
            "SSL_CERT_FILE".to_owned(),
            folder.write("ca.pem", &self.0.authority),
        );
        Settings {
            auth: AuthType::Environment,
            environment,
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                per_try: Duration::from_millis(700),
                retry: Duration::from_secs(5),
                total: Duration::from_secs(20),
            },
            ..Settings::default()
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut request = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (request.next()?, request.next()?);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, text)| (name.to_ascii_lowercase(), text.to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |text| text.parse().expect("a number"));
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[end + 4..].to_vec()).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
    Some(Asked {
        method,
        host: headers.get("host").cloned().unwrap_or_default(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}

/// Writes a reply; `true` if the connection goes on.
async fn write<S: AsyncWrite + Unpin>(stream: &mut S, reply: Reply) -> std::io::Result<bool> {
    let forever = std::future::pending::<()>();
    match reply {
        Reply::Full(status, headers, body) => {
            let headers: String = headers
                .iter()
                .map(|(name, text)| format!("{name}: {text}\r\n"))
                .collect();
            let head = format!(
                "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
            stream.flush().await?;
            Ok(true)
        }
        Reply::Truncated(body) => {
            stream.write_all(half(&body).as_bytes()).await?;
            stream.flush().await?;
            Ok(false)
        }
        Reply::Reset => Ok(false),
        Reply::SlowHeaders => {
            forever.await;
            Ok(false)
        }
        Reply::SlowBody(body) => {
            stream.write_all(half(&body).as_bytes()).await?;
            stream.flush().await?;
            forever.await;
            Ok(false)
        }
    }
}

fn half(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}",
        body.len(),
        &body[..body.len() / 2]
    )
}

/// A folder of one test, removed with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("akv-vault-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("a file");
        path.to_str().expect("a path").to_owned()
    }

    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a failed removal leaves is in the temporary folder anyway.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
