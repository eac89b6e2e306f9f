//! Bytes over TLS that no HTTP library would send.

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sends `request` and reads until the other side closes or `patience` is over: the status, 0 without one, and how long it
/// took.
pub async fn exchange(service: SocketAddr, root: &[u8], request: Vec<u8>, patience: Duration) -> (u16, Duration) {
    let root = root.to_vec();
    let work = move || {
        let began = Instant::now();
        let status = attempt(service, root, &request, patience).unwrap_or(0);
        (status, began.elapsed())
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| panic!("{panic}"))
}

fn attempt(service: SocketAddr, root: Vec<u8>, request: &[u8], patience: Duration) -> std::io::Result<u16> {
    let mut store = RootCertStore::empty();
    store.add(CertificateDer::from(root)).map_err(std::io::Error::other)?;
    let verifier = WebPkiServerVerifier::builder(Arc::new(store)).build().map_err(std::io::Error::other)?;
    let config = ClientConfig::builder().with_webpki_verifier(verifier).with_no_client_auth();
    let name = ServerName::from(service.ip());
    let connection = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
    let stream = TcpStream::connect(service)?;
    stream.set_read_timeout(Some(patience))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(request)?;
    stream.flush()?;
    let mut answer = Vec::new();
    let mut some = [0; 1024];
    // "HTTP/1.1 404 Not Found"
    while answer.len() < 12 {
        match stream.read(&mut some) {
            Ok(0) | Err(_) => break,
            Ok(n) => answer.extend_from_slice(&some[..n]),
        }
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0))
}
