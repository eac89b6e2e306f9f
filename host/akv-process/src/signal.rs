//! When to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells everybody who holds a copy that the process was asked to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Resolves when the process was asked to stop; at once if it was before.
    pub async fn requested(mut self) {
        // The sender lives in a task that ends only after it has said so.
        let _said = self.0.wait_for(|stopped| *stopped).await;
    }
}

/// Listens for SIGINT and SIGTERM. A second signal ends the process at once, with status 1.
pub fn listen() -> std::io::Result<Stop> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if !first {
                std::process::exit(1);
            }
            sender.send_replace(true);
        }
    });
    Ok(Stop(receiver))
}
