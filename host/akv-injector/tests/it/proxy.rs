//! The proxy that the installation names: the vault is reached through it.

use crate::container::{CANARY, variable};
use crate::service::{access, answer, arguments, container, recipe};
use crate::stage::Stage;
use crate::vault::World;
use akv_wire::message::ResourcesAnswer;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Where clients wanted to be connected to.
type Asked = Arc<Mutex<Vec<String>>>;

/// A proxy of this machine, whose names all lead to loopback: its port, and what it was asked for.
async fn proxy() -> (u16, Asked) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Asked::default();
    let record = asked.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let record = record.clone();
            tokio::spawn(async move { tunnel(client, &record).await.expect("a tunnel") });
        }
    });
    (port, asked)
}

/// RFC 9110, 9.3.6: `CONNECT host:port`, then bytes both ways.
async fn tunnel(client: TcpStream, record: &Asked) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    client.read_line(&mut line).await?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while line != "\r\n" {
        line.clear();
        client.read_line(&mut line).await?;
    }
    let port = target.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    record.lock().expect("no test panicked").push(target);
    let mut vault = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    // How a connection ends is not looked at.
    let _ended = tokio::io::copy_bidirectional(&mut client, &mut vault).await;
    Ok(())
}

/// What the proxy was asked for when `db` was read with this `NO_PROXY`.
async fn asked(name: &str, except: Option<&str>) -> Vec<String> {
    let world = World::usual(name).await;
    let (port, asked) = proxy().await;
    let mut variables = BTreeMap::from([("HTTPS_PROXY".to_owned(), format!("http://127.0.0.1:{port}"))]);
    variables.extend(except.map(|hosts| ("NO_PROXY".to_owned(), hosts.to_owned())));
    let usual = answer(&world, Some(access(&world).await), &[("db", recipe("db"))]);
    let stage = Stage::start(move |_| ResourcesAnswer { proxy: variables.clone(), ..usual.clone() }).await;
    let arguments = arguments(&world, &stage);
    let printed = container(&arguments, &["env", "-0"]).variable("A", "db@azurekeyvault").run().await.good();
    assert_eq!(variable(&printed, "A"), Some(CANARY));
    asked.lock().expect("no test panicked").clone()
}

#[tokio::test]
async fn the_vault_is_reached_through_the_proxy_of_the_installation() {
    let through = asked("proxy", None).await;
    assert!(matches!(&through[..], [one] if one.starts_with("shop.")), "{through:?}");
}

#[tokio::test]
async fn a_host_that_is_excepted_is_reached_without_it() {
    assert_eq!(asked("proxy-except", Some("localhost")).await, [] as [&str; 0]);
}
