//! An issuer's key server, with TLS by an authority of its own.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// Answers every request with a body that can change, and keeps what was asked.
pub struct KeyServer {
    pub url: String,
    pub ca: String,
    body: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl KeyServer {
    pub async fn start(body: String) -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = ca.self_signed(&ca_key).expect("an authority").pem();
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::new(ca, ca_key);
        let names = ["127.0.0.1".to_owned()];
        let leaf = CertificateParams::new(names).expect("parameters").signed_by(&key, &issuer).expect("signed");
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}/openid/v1/jwks", listener.local_addr().expect("an address"));
        let server = Self { url, ca: authority, body: Arc::new(Mutex::new(body)), asked: Arc::default() };
        let (tls, body, asked) = (TlsAcceptor::from(Arc::new(config)), server.body.clone(), server.asked.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A client that does not trust the authority ends the handshake.
                let Ok(mut stream) = tls.accept(socket).await else { continue };
                let mut request = vec![0; 16 << 10];
                let mut length = 0;
                while !request[..length].windows(4).any(|w| w == b"\r\n\r\n") {
                    match stream.read(&mut request[length..]).await {
                        Ok(read) if read > 0 => length += read,
                        _ => break,
                    }
                }
                asked.lock().expect("no panic").push(String::from_utf8_lossy(&request[..length]).into_owned());
                let text = body.lock().expect("no panic").clone();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
                // A client may hang up at any time.
                let _written = stream.write_all(format!("{head}{text}").as_bytes()).await;
                let _ended = stream.shutdown().await;
            }
        });
        server
    }

    /// From now on it answers with this.
    pub fn set(&self, body: String) {
        *self.body.lock().expect("no panic") = body;
    }

    /// Requests so far, head and all.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}
