//! HTTPS for the programs that serve it: bounded connections, peers that handlers can see, an orderly end.

use crate::signal::Stop;
use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// A handshake takes two round trips; who needs longer holds a connection that others want.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A request's head must come in this time, and an idle connection is closed after it.
const HEAD: Duration = Duration::from_secs(60);
/// Connections at the same time. Beyond it new ones wait in the kernel's queue.
const CONNECTIONS: usize = 4096;
/// How long open requests may go on after the process was asked to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// Accepting fails when file descriptors run out; it is tried again after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A request's head may have so many bytes.
const HEAD_BYTES: usize = 16 << 10;

/// Who is at the other end; handlers take it as an extension.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The certificates that it showed, its own first; the handshake has accepted them.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Whether a connection from this address is taken; asked before anything costs.
pub type Admit = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Serves until the process is asked to stop, then lets open requests end.
pub async fn serve(
    name: &'static str,
    listener: TcpListener,
    config: Arc<ServerConfig>,
    admit: Admit,
    routes: Router,
    stop: Stop,
) {
    let acceptor = TlsAcceptor::from(config);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.clone().requested() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(name, %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !admit(address.ip()) {
            continue;
        }
        let (acceptor, routes, watcher) = (acceptor.clone(), routes.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _permit = permit;
            let Some((stream, peer)) = handshake(name, acceptor, stream, address).await else {
                return;
            };
            let service = TowerToHyperService::new(routes.layer(Extension(peer)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(name, %address, %error, "a connection broke");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!(name, "requests were still open at the end");
    }
}

async fn handshake(
    name: &'static str,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
) -> Option<(tokio_rustls::server::TlsStream<TcpStream>, Peer)> {
    let _ = stream.set_nodelay(true);
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let chain = chain.iter().map(|c| c.clone().into_owned()).collect();
            Some((stream, Peer { address, chain }))
        }
        Ok(Err(error)) => {
            tracing::info!(name, %address, %error, "a TLS handshake was refused");
            None
        }
        Err(_) => {
            tracing::info!(name, %address, "a TLS handshake took too long");
            None
        }
    }
}
