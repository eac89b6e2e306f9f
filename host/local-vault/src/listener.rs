//! Accepts connections, with TLS or plain, and serves HTTP/1.1 on them.

use crate::answer::Body;
use crate::wire::Wire;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// The pause after a connection that could not be accepted: want of file descriptors, mostly, which passes.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves every connection, until this future is dropped: that ends the connections too.
///
/// `handle` ends a connection by an error; an error of the kind `ConnectionReset` is a reset on the wire as well.
pub async fn serve<H, F>(listener: TcpListener, tls: Option<TlsAcceptor>, handle: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = io::Result<Response<Body>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, tls.clone(), handle.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            // Forgets what has ended, so that the set does not grow.
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn connection<H, F>(stream: TcpStream, tls: Option<TlsAcceptor>, handle: H)
where
    H: Fn(Request<Incoming>) -> F + Send + Sync,
    F: Future<Output = io::Result<Response<Body>>> + Send,
{
    // Answers are small and written at once; waiting to fill a segment would only cost time.
    let _set = stream.set_nodelay(true);
    let (wire, reset) = Wire::new(stream);
    let handle = |request| {
        let answer = handle(request);
        let reset = reset.clone();
        async move {
            let answer = answer.await;
            if answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
                reset.arm();
            }
            answer
        }
    };
    match tls {
        Some(tls) => {
            // A client that does not trust us ends here; it has been told.
            if let Ok(stream) = tls.accept(wire).await {
                http(stream, handle).await;
            }
        }
        None => http(wire, handle).await,
    }
}

async fn http<S, H, F>(stream: S, handle: H)
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = io::Result<Response<Body>>>,
{
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service_fn(handle))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}
