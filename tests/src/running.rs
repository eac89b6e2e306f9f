//! One of our programs as a process, with its endpoints for health and metrics.

use crate::wait::wait_for;
use rustix::process::Signal;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use xtask::process::{Life, Server};

/// A start compiles nothing; a busy machine is slow to read the program.
const START: Duration = Duration::from_secs(60);
/// The webhook gives open requests half of it; the controller ends its work and gives its lease back.
const STOP: Duration = Duration::from_secs(20);

/// A running program. It is killed when it is dropped.
pub struct Running {
    server: Server,
    http: SocketAddr,
    stopped: bool,
}

impl Running {
    /// Starts a command that listens on `http`, and waits until `path` there says that it is well.
    pub(crate) async fn start(what: &str, command: Command, log: &Path, http: SocketAddr, path: &str) -> Self {
        let server = Server::start(what, command, log, Life::WithUs).unwrap_or_else(|failure| panic!("{failure}"));
        let mut running = Self { server, http, stopped: false };
        running.until(path).await;
        running
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) {
        self.until("/readyz").await;
    }

    async fn until(&mut self, path: &str) {
        let url = format!("http://{}{path}", self.http);
        wait_for(&format!("{url}; the log is {}", self.log_file().display()), START, || {
            let alive = self.server.check_alive();
            let url = url.clone();
            async move {
                alive.unwrap_or_else(|failure| panic!("{failure}"));
                let answer = reqwest::get(&url).await.ok()?;
                answer.status().is_success().then_some(())
            }
        })
        .await;
    }

    /// Its plain port.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.http);
        let answer = reqwest::get(&url).await.and_then(reqwest::Response::error_for_status);
        let answer = answer.unwrap_or_else(|error| panic!("{url}: {error}"));
        answer.text().await.unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// The sum of the samples of a metric whose labels contain every one of `labels`, each as `name="value"`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        sample_sum(&self.metrics().await, name, labels)
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    /// Where its log lies.
    pub fn log_file(&self) -> &Path {
        self.server.log()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Fails with the end of its log if it has ended by itself.
    pub fn check_alive(&mut self) {
        self.server.check_alive().unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// Stops it where it stands, as on a node that hangs.
    pub fn freeze(&self) {
        self.server.signal(Signal::STOP);
    }

    /// Lets it go on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.server.signal(Signal::CONT);
    }

    /// Kills it, as a node that loses power would.
    pub fn kill(&mut self) {
        self.stopped = true;
        self.server.kill();
    }

    /// Asks it to end, as a kubelet does; returns whether it did so in time.
    pub fn stop(&mut self) -> bool {
        self.stopped = true;
        self.server.stop(STOP)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.stopped {
            self.server.kill();
        }
    }
}

/// Addresses at `ip` that are free now. All are held until each is known, so no two are the same.
pub(crate) fn free<const N: usize>(ip: impl Into<IpAddr>) -> [SocketAddr; N] {
    let ip = ip.into();
    let held = [0; N].map(|_| TcpListener::bind((ip, 0)).unwrap_or_else(|error| panic!("{ip}: {error}")));
    held.map(|listener| listener.local_addr().expect("a listener has an address"))
}

fn sample_sum(text: &str, name: &str, labels: &[&str]) -> f64 {
    let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (metric, of) = series.split_once('{').unwrap_or((series, ""));
        (metric == name && labels.iter().all(|label| of.contains(label))).then(|| value.parse::<f64>().ok())?
    });
    samples.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_over_the_labels_that_are_not_asked_for() {
        let text = "# TYPE syncs counter\nsyncs_total{kind=\"Secret\",ok=\"true\"} 3\nsyncs_total{kind=\"ConfigMap\",ok=\"true\"} 2\nup 1\n";
        let check = |name, labels: &[&str], expected: f64| {
            assert!((sample_sum(text, name, labels) - expected).abs() < 1e-9, "{name} {labels:?}")
        };
        check("syncs_total", &[], 5.0);
        check("syncs_total", &["kind=\"Secret\""], 3.0);
        check("up", &[], 1.0);
        check("syncs", &[], 0.0);
    }
}
