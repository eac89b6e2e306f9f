//! What the Service of an installation does: connections go to one replica after the other, never to one that is gone.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A port of loopback that leads to others. It ends when it is dropped; connections that are open go on.
pub struct Front {
    address: SocketAddr,
    backends: Arc<Mutex<Vec<SocketAddr>>>,
    accepting: JoinHandle<()>,
}

impl Front {
    /// Opens it; it leads nowhere yet.
    pub async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let backends = Arc::new(Mutex::new(Vec::<SocketAddr>::new()));
        let (known, turn) = (backends.clone(), AtomicUsize::new(0));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut order = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let first = turn.fetch_add(1, Ordering::Relaxed).checked_rem(order.len()).unwrap_or(0);
                order.rotate_left(first);
                tokio::spawn(forward(stream, order));
            }
        });
        Self { address, backends, accepting }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who is behind it from now on.
    pub fn lead_to(&self, backends: Vec<SocketAddr>) {
        *self.backends.lock().unwrap_or_else(PoisonError::into_inner) = backends;
    }
}

async fn forward(mut stream: TcpStream, order: Vec<SocketAddr>) {
    for backend in order {
        if let Ok(mut behind) = TcpStream::connect(backend).await {
            // Whichever side ends it ends it for both.
            let _ended = copy_bidirectional(&mut stream, &mut behind).await;
            return;
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
