//! The proxy of the environment, which makes the connections and hides the addresses.

use std::sync::{Arc, Mutex};

use akv_registry::{Image, Reason, Registry, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::folder::Folder;
use crate::stage::{Stage, ask};

const NAME: &str = "registry.localhost:$P/app:1";

/// A proxy that connects everything to this machine, its port, and where it was asked to connect to.
async fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(socket.read_u8().await.expect("a head"));
                }
                let head = String::from_utf8(head).expect("text");
                let target = head.split(' ').nth(1).expect("a target").to_owned();
                let port: u16 = target.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
                seen.lock().expect("no panic").push(target);
                let mut there = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
                socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("written");
                let _ = copy_bidirectional(&mut socket, &mut there).await;
            });
        }
    });
    (port, asked)
}

async fn through(image: &str, registries: &[&str], no_proxy: &str) -> (Result<(), Reason>, Vec<String>, String) {
    let stage = Stage::new().await;
    stage.put_image("app", "1", "/app");
    let (port, asked) = proxy().await;
    let folder = Folder::new();
    let mut settings = Settings { allowed_networks: Vec::new(), ..stage.settings(&folder) };
    settings.registries = registries.iter().map(|text| text.replace("$P", &stage.port().to_string())).collect();
    settings.environment.insert("HTTPS_PROXY".to_owned(), format!("http://localhost:{port}"));
    settings.environment.insert("NO_PROXY".to_owned(), no_proxy.to_owned());
    let image = Image::parse(&image.replace("$P", &stage.port().to_string())).expect("an image");
    let found = ask(&Registry::new(settings).expect("a registry"), &image, &[]).await;
    let asked = asked.lock().expect("no panic").clone();
    (found.map(drop).map_err(|refusal| refusal.reason()), asked, stage.host("registry.localhost"))
}

#[tokio::test]
async fn a_named_registry_is_asked_through_the_proxy() {
    let (found, asked, host) = through(NAME, &["registry.localhost:$P"], "").await;
    assert_eq!(found, Ok(()));
    assert!(!asked.is_empty() && asked.iter().all(|target| *target == host), "{asked:?}");
}

#[tokio::test]
async fn a_registry_that_nobody_named_is_not_asked_through_the_proxy() {
    for registries in [&["*"][..], &["*", "*.inside.example"]] {
        let (found, asked, _) = through("inside.example/app", registries, "").await;
        assert_eq!((found, asked), (Err(Reason::RegistryNotAllowed), Vec::new()));
    }
}

#[tokio::test]
async fn what_goes_past_the_proxy_is_inside_the_fence() {
    let (found, asked, _) = through(NAME, &["registry.localhost:$P"], "localhost").await;
    assert_eq!((found, asked), (Err(Reason::RegistryRefused), Vec::new()));
}
