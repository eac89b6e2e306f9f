//! HTTPS for the programs that serve it: bounded connections, peers that handlers can see, an orderly end.

mod addresses;

use crate::signal::Stop;
use addresses::Addresses;
use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// A handshake takes two round trips; who needs longer holds a connection that others want.
const HANDSHAKE: Duration = Duration::from_secs(10);
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

/// What a port takes of those who connect.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time; beyond them new ones wait in the kernel's queue.
    pub connections: usize,
    /// Connections of one address at the same time; more are closed before a handshake.
    pub of_one_address: usize,
    /// New connections a second of one address, and twice as many at once; more are closed before a handshake.
    pub rate: f64,
    /// A request's head must come in this time, and an idle connection is closed after it.
    pub head: Duration,
}

/// Serves until the process is asked to stop, then lets open requests end.
pub async fn serve(
    name: &'static str,
    listener: TcpListener,
    config: Arc<ServerConfig>,
    limits: Limits,
    routes: Router,
    stop: Stop,
) {
    let acceptor = TlsAcceptor::from(config);
    let room = Arc::new(Semaphore::new(limits.connections));
    let addresses = Addresses::new(limits.rate, limits.of_one_address);
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
        let Some(pass) = addresses.admit(address.ip(), Instant::now()) else {
            continue;
        };
        let (acceptor, routes, watcher) = (acceptor.clone(), routes.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _held = (permit, pass);
            let Some((stream, peer)) = handshake(name, acceptor, stream, address).await else {
                return;
            };
            let service = TowerToHyperService::new(routes.layer(Extension(peer)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.head)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                if error.is_parse() {
                    tracing::info!(name, %address, %error, "a request was refused before it was one");
                } else {
                    tracing::debug!(name, %address, %error, "a connection broke");
                }
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
