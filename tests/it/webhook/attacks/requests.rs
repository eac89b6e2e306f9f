//! Connections, paths, bodies: what is no proper request of a container.

use super::{DB, OBJECTS, Table, ask};
use akv_tests::Installation;
use akv_tests::webhook::pod::with_reference;
use akv_tests::webhook::raw::exchange;
use akv_tests::webhook::{Answer, Asker};
use akv_wire::message::{CERTIFICATE, PLUGINS, RESOURCES};
use reqwest::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

fn self_signed() -> String {
    let made = rcgen::generate_simple_self_signed(vec!["pod".to_owned()]).expect("a certificate");
    made.cert.pem() + &made.signing_key.serialize_pem()
}

/// A GET or POST as text, for what no library would send.
fn text(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn sent(service: SocketAddr, root: &[u8], request: Vec<u8>) -> Answer {
    let (status, _) = exchange(service, root, request, Duration::from_secs(60)).await;
    Answer { status, body: Value::Null, retry_after: None, error: String::new() }
}

#[tokio::test]
async fn resources_are_given_to_who_shows_a_certificate_of_ours_and_asks_properly() {
    let world = Installation::start("certs", OBJECTS, &[]).await;
    world.resource(&world.shop, "db", "s", "").await;
    let neighbours = world.namespace("certs-next", &[(akv_api::name::INJECTION_LABEL, world.home.name())]).await;
    world.resource(&neighbours, "theirs", "s", "").await;
    let service = world.replicas[0].mtls();
    let pod = world.create(with_reference("web", "db@azurekeyvault")).await;
    let root = pod.arguments("app").0.root;
    let (nobody, good) = (Asker::new(service, &root), pod.enrolled(service, "app").await);
    let mut table = Table::new(&world);
    table.begin();

    table.refused("no certificate", 401, "needs a certificate", nobody.resources(DB).await).await;
    table
        .refused(
            "no certificate, for a plugin",
            401,
            "needs a certificate",
            nobody.get(&format!("{PLUGINS}ab?engine=a&target=b")).await,
        )
        .await;
    let junk = nobody.with(&self_signed());
    table.refused("junk certificate", 0, "a TLS handshake was refused", junk.resources(DB).await).await;
    table
        .refused(
            "junk certificate, for a certificate",
            0,
            "a TLS handshake was refused",
            ask(&junk, "app", "a.b.c").await,
        )
        .await;
    for header in [
        "X-Forwarded-Client-Cert",
        "X-SSL-Client-Cert",
        "X-Forwarded-For",
        "X-Real-IP",
        "Authorization",
        "X-Remote-User",
    ] {
        let value = format!("URI=akv2k8s://pod/{}/web/u/app", world.shop.name());
        let request = nobody.request(Method::POST, RESOURCES).header(header, value);
        let request = request.json(&json!({"engine": "", "target": "", "resources": []}));
        table
            .refused(&format!("header {header} instead of one"), 401, "needs a certificate", nobody.send(request).await)
            .await;
    }
    let request = nobody.request(Method::POST, RESOURCES).header("Host", "localhost").body("{}");
    table.refused("another Host", 401, "needs a certificate", nobody.send(request).await).await;

    for (what, path) in [
        ("..", "/pod/v1/x/../resources"),
        ("//", "//pod/v1/resources"),
        ("%2f", "/pod%2fv1%2fresources"),
        ("%2e%2e", "/pod/v1/%2e%2e/v1/resources"),
        ("trailing slash", "/pod/v1/resources/"),
        ("upper case", "/POD/v1/resources"),
        ("the next version", "/pod/v2/resources"),
        ("admission on this port", "/pods"),
        ("the original's path", "/auth/kube-system/x"),
        ("the plain port's", "/metrics"),
    ] {
        table
            .refused(&format!("path: {what}"), 404, path, sent(service, &root, text("POST", path, "", "{}")).await)
            .await;
    }
    let absolute = sent(service, &root, text("POST", "https://evil.example/pod/v1/resources", "", "{}")).await;
    table.refused("absolute address", 401, "needs a certificate", absolute).await;
    for method in ["GET", "PUT", "DELETE", "TRACE", "OPTIONS", "PROPFIND"] {
        table
            .refused(
                &format!("method {method}"),
                405,
                "refused",
                sent(service, &root, text(method, RESOURCES, "", "")).await,
            )
            .await;
    }
    let smuggled = "POST /pod/v1/resources HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n";
    let smuggled = sent(service, &root, smuggled.into()).await;
    assert!([400, 401].contains(&smuggled.status), "{smuggled:?}");
    println!("{:<58} {:>3}", "two lengths", smuggled.status);

    let large = "a".repeat(300 << 10);
    table.begin();
    table
        .refused("body of 300 KiB", 413, "413", sent(service, &root, text("POST", CERTIFICATE, "", &large)).await)
        .await;
    let chunked = format!(
        "POST {CERTIFICATE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    table.refused("the same in chunks", 413, "413", sent(service, &root, chunked.into()).await).await;
    let header = format!("X: {}\r\n", "a".repeat(64 << 10));
    let mut huge = sent(service, &root, text("POST", CERTIFICATE, &header, "")).await;
    // The server closes with bytes unread, and the answer may be lost with them.
    if huge.status == 0 {
        huge.status = 431;
    }
    table.refused("header of 64 KiB", 431, "a request was refused before it was one", huge).await;
    let (status, took) =
        exchange(service, &root, b"POST /pod/v1/certificate HTTP/1.1\r\nX: ".to_vec(), Duration::from_secs(60)).await;
    assert!(took < Duration::from_secs(40), "{took:?}");
    println!("{:<58} {status:>3} closed after {:.0} s", "header that never ends", took.as_secs_f32());
    let slow = b"POST /pod/v1/certificate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{".to_vec();
    table.begin();
    table.refused("body that never ends", 408, "408", sent(service, &root, slow).await).await;

    // With a certificate that is good.
    for (what, body) in [
        ("JSON that is none", json!(1)),
        ("unknown field", json!({"engine": "", "target": "", "resources": [], "namespace": "kube-system"})),
        (
            "unknown field that would be a line",
            json!({"engine": "", "target": "", "resources": [], "\nverdict=\"allowed\"": 1}),
        ),
        (
            "unknown field of a resource",
            json!({"engine": "", "target": "", "resources": [{"name": "db", "namespace": "x"}]}),
        ),
        ("name with a slash", json!({"engine": "", "target": "", "resources": [{"name": "../theirs"}]})),
        (
            "another namespace",
            json!({"engine": "", "target": "", "resources": [{"name": format!("{}/theirs", neighbours.name())}]}),
        ),
        (
            "name with an end of line",
            json!({"engine": "", "target": "", "resources": [{"name": "db\nverdict=\"allowed\""}]}),
        ),
        ("query with a slash", json!({"engine": "", "target": "", "resources": [{"name": "db", "queries": ["a/b"]}]})),
        ("a resource twice", json!({"engine": "", "target": "", "resources": [{"name": "db"}, {"name": "db"}]})),
        (
            "600 resources",
            json!({"engine": "", "target": "", "resources": (0..600).map(|n| json!({"name": format!("r{n}")})).collect::<Vec<_>>()}),
        ),
        (
            "3000 queries",
            json!({"engine": "", "target": "", "resources": [{"name": "db", "queries": vec![Value::Null; 3000]}]}),
        ),
    ] {
        table.refused(what, 400, "Malformed", good.post(RESOURCES, &body).await).await;
    }
    let answer = good.again().resources(&[("theirs", &[""])]).await.resources();
    let answer = json!(answer.resources["theirs"]);
    println!("{:<58} 200 {}", "a resource of the next namespace, by its name", answer["reason"]);
    assert_eq!(answer["reason"], "ResourceNotFound");
    assert!(!world.replicas[0].log().lines().any(|line| line.starts_with("verdict")), "a name forged a line");
    println!("{} rows", table.rows);
}
