//! A TCP forwarder whose far end a test can change under a running client.

use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes connections on. It ends when it is dropped.
pub struct Switch {
    to: watch::Sender<SocketAddr>,
    task: JoinHandle<()>,
}

impl Switch {
    /// Listens at `at` and leads to `to`.
    pub async fn start(at: SocketAddr, to: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).await.unwrap_or_else(|e| panic!("{at}: {e}"));
        let to = watch::Sender::new(to);
        let sender = to.clone();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(forward(near, sender.subscribe()));
            }
        });
        Self { to, task }
    }

    /// Leads to `to` from now on; connections to where it led before end.
    pub fn turn(&self, to: SocketAddr) {
        self.to.send_replace(to);
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut near: TcpStream, mut to: watch::Receiver<SocketAddr>) {
    let address = *to.borrow_and_update();
    let Ok(mut far) = TcpStream::connect(address).await else { return };
    tokio::select! {
        // An end that breaks off breaks the other off.
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _ = to.changed() => {}
    }
}
