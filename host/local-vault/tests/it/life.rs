//! How a vault ends, and what it survives.

use crate::folder::Folder;
use crate::stage::Stage;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;

/// Generous: a slow machine that does other things besides.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_vault_that_is_dropped_ends_its_connections_and_takes_its_directory_along() {
    let stage = Stage::with("").await;
    let dir = stage.vault.directory().to_owned();
    assert!(dir.join("ca.crt").exists());
    let at = SocketAddr::from(([127, 0, 0, 1], stage.vault.port()));
    // One in the handshake, and one of the plain listener that waits for a request.
    let mut open = Vec::new();
    for address in [at, stage.vault.admin()] {
        open.push(tokio::net::TcpStream::connect(address).await.expect("a connection"));
    }
    // Both have been accepted once a later connection has been answered.
    let _token = stage.token().await;
    drop(stage);
    for connection in &mut open {
        let mut rest = [0; 1];
        let end = tokio::time::timeout(PATIENCE, connection.read(&mut rest)).await.expect("it ends");
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }
    assert!(tokio::net::TcpStream::connect(at).await.is_err(), "nobody listens");
    assert!(!dir.exists(), "{}", dir.display());
}

#[tokio::test]
async fn a_directory_that_was_given_stays() {
    let folder = Folder::new();
    let options = local_vault::Options { dir: Some(folder.path().join("given")), ..Default::default() };
    let seed = local_vault::Seed::parse("{}").expect("an empty seed");
    let vault = local_vault::LocalVault::start(seed, options).await.expect("a vault");
    drop(vault);
    assert!(folder.path().join("given/ca.crt").exists());
}

/// The program with few file descriptors, and what it printed.
struct Program {
    child: Child,
    lines: Vec<String>,
}

impl Program {
    fn start(seed: &str) -> Self {
        let script = format!("ulimit -n 40 && exec '{}' --seed '{seed}'", env!("CARGO_BIN_EXE_local-vault"));
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::null());
        // The machine's own settings are not the test's.
        command.env_remove("LOCAL_VAULT_LISTEN").env_remove("LOCAL_VAULT_IDENTITY");
        let mut child = command.spawn().expect("a shell");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut lines = Vec::new();
        for line in output.lines() {
            let line = line.expect("text");
            let last = line.starts_with("# vault ");
            lines.push(line);
            if last {
                break;
            }
        }
        Self { child, lines }
    }

    fn variable(&self, name: &str) -> &str {
        let start = format!("export {name}='");
        let line = self.lines.iter().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{name}"));
        line.trim_end_matches('\'')
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has seen by then.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

#[test]
fn too_many_connections_do_not_end_the_listener() {
    let folder = Folder::new();
    let seed = folder.write("vault.yaml", "identities: [{name: app, secret: x}]\nvaults: [{name: shop}]\n");
    let program = Program::start(&seed);
    let admin = program.variable("LOCAL_VAULT_ADMIN");
    let address = admin.trim_start_matches("http://").trim_end_matches("/admin").to_owned();
    let faults = || ask(&address);
    assert!(faults().is_some_and(|answer| answer.starts_with("HTTP/1.1 200")), "it answers");
    // More than it has descriptors: the kernel takes them, the program cannot.
    let crowd: Vec<TcpStream> = (0..80).filter_map(|_| TcpStream::connect(&address).ok()).collect();
    assert!(crowd.len() > 40, "{}", crowd.len());
    assert_eq!(ask(&address), None, "nothing is left to answer with");
    drop(crowd);
    let begun = Instant::now();
    while !faults().is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
        assert!(begun.elapsed() < PATIENCE, "it does not answer any more");
    }
}

/// The answer of the admin interface; nothing if there is none within a second.
fn ask(address: &str) -> Option<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a time limit");
    stream.write_all(b"GET /admin/faults HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    (!text.is_empty()).then_some(text)
}
