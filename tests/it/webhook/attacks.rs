//! Who gets nothing, and how that is said: a table of attacks on the auth service.

use akv_tests::webhook::client::signing_request;
use akv_tests::webhook::pod::with_reference;
use akv_tests::webhook::raw::exchange;
use akv_tests::webhook::{Answer, Asker, TestPod};
use akv_tests::world::PATIENCE;
use akv_tests::{Cluster, Installation, wait_for};
use akv_wire::message::{CERTIFICATE, PLUGINS, RESOURCES};
use akv_wire::name::audience;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::time::Duration;

const OBJECTS: &str = "  secrets: [{name: s, value: v4lue}, {name: login, value: v4lue}]\n";
const DB: &[(&str, &[&str])] = &[("db", &[""])];

/// A row of the table, as it was tried.
struct Table<'a> {
    world: &'a Installation,
    seen: usize,
    rows: usize,
}

impl<'a> Table<'a> {
    fn new(world: &'a Installation) -> Self {
        Self { world, seen: 0, rows: 0 }
    }

    fn log(&self) -> String {
        self.world.replicas[0].log()
    }

    /// Remembers where the log ends.
    fn begin(&mut self) {
        self.seen = self.log().len();
    }

    /// The answer has the status, and the log a line with this text and without a value. Status 0 is a handshake that fails.
    async fn refused(&mut self, what: &str, status: u16, said: &str, answer: Answer) {
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        let text = answer.body.to_string();
        assert!(!text.contains("v4lue") && !text.contains("eyJ"), "{what}: {text}");
        let seen = self.seen;
        let line = wait_for(&format!("{what}: a line with {said}"), PATIENCE, || async {
            let log = self.log();
            log[seen..].lines().find(|line| line.contains(said)).map(str::to_owned)
        })
        .await;
        assert!(line.contains("refused"), "{what}: {line}");
        let new = self.log()[seen..].to_owned();
        assert!(!new.contains("v4lue") && !new.contains("eyJ"), "{what}: {new}");
        self.rows += 1;
        println!("{what:<58} {status:>3} {:<16} {said}", answer.reason());
        self.begin();
    }
}

/// A spec that the webhook made, as somebody writes it by hand.
fn copied(pod: &TestPod, name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": pod.json()["spec"]})
}

fn self_signed() -> String {
    let made = rcgen::generate_simple_self_signed(vec!["pod".to_owned()]).expect("a certificate");
    made.cert.pem() + &made.signing_key.serialize_pem()
}

async fn ask(asker: &Asker, container: &str, token: &str) -> Answer {
    asker.certificate(container, token, &signing_request().1).await
}

#[tokio::test]
async fn a_certificate_is_given_to_that_container_alone() {
    let world = Installation::start("tokens", OBJECTS, &[]).await;
    world.resource(&world.shop, "db", "s", "").await;
    let service = world.replicas[0].mtls();
    let mut two = with_reference("web", "db@azurekeyvault");
    two["spec"]["containers"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"name": "side", "image": "x", "command": ["/x"]}));
    let pod = world.create(two).await;
    let asker = Asker::new(service, &pod.arguments("app").0.root);
    let token = pod.token("app").await;
    let mut table = Table::new(&world);
    let app = audience("app");

    let of_another = pod.token_of("default", &["vault"], true).await.expect("a token");
    table.refused("token of another audience", 401, "proves no container", ask(&asker, "app", &of_another).await).await;
    let default = pod.token_of("default", &[], true).await.expect("a token");
    table
        .refused("token of the API server's audience", 401, "proves no container", ask(&asker, "app", &default).await)
        .await;
    let unbound = pod.token_of("default", &[&app], false).await.expect("a token");
    table.refused("token that is bound to no pod", 401, "not bound to a pod", ask(&asker, "app", &unbound).await).await;
    world.shop.apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: other}\n").await.expect("it is legal");
    let other = pod.token_of("other", &[&app], true).await;
    assert!(other.is_err(), "the API server gives no token of another account for this pod");
    println!("{:<58}     given by no API server", "token of another account, bound to this pod");
    let other = pod.token_of("other", &[&app], false).await.expect("a token");
    table.refused("token of another account", 401, "not bound to a pod", ask(&asker, "app", &other).await).await;
    table
        .refused("token of app for the container side", 401, "proves no container", ask(&asker, "side", &token).await)
        .await;
    let side = pod.token("side").await;
    table.refused("container that was not injected", 403, "was not injected", ask(&asker, "side", &side).await).await;
    let copy = pod.token("copy-azurekeyvault-env").await;
    table
        .refused(
            "the init container that copies",
            403,
            "was not injected",
            ask(&asker, "copy-azurekeyvault-env", &copy).await,
        )
        .await;
    let forged = format!("{}.{}", token.rsplit_once('.').expect("a JWT").0, "AAAA");
    table.refused("token with another signature", 401, "proves no container", ask(&asker, "app", &forged).await).await;
    for (what, container, token) in [
        ("text that is no token", "app", "token"),
        ("empty token", "app", ""),
        ("token of 20 KiB", "app", &*format!("{}.a.b", "a".repeat(20_000))),
        ("container with a slash", "app/../x", &*token),
        ("container without a name", "", &*token),
    ] {
        table.refused(what, 400, "Malformed", ask(&asker, container, token).await).await;
    }
    let bad = json!({"container": "app", "token": token, "request": signing_request().1, "namespace": "kube-system"});
    table.refused("unknown field", 400, "Malformed", asker.post(CERTIFICATE, &bad).await).await;
    let not_a_request = asker.certificate("app", &token, "-----BEGIN JUNK-----").await;
    table.refused("signing request that is none", 400, "Malformed", not_a_request).await;

    let unlabelled = world.namespace("tokens-unlabelled", &[]).await;
    let elsewhere = world.create_in(&unlabelled, copied(&pod, "web", json!({}))).await;
    let of_elsewhere = elsewhere.token("app").await;
    table
        .refused("pod in an unlabelled namespace", 403, "injection is not on", ask(&asker, "app", &of_elsewhere).await)
        .await;
    let out = world.create(copied(&pod, "out", json!({"spv.no/inject": "disabled"}))).await;
    table.refused("pod that opted out", 403, "opted out", ask(&asker, "app", &out.token("app").await).await).await;

    let late = world.create(with_reference("late", "db@azurekeyvault")).await;
    let of_late = late.token("app").await;
    let certified = late.enrolled(service, "app").await;
    late.runs_since("app", 121).await;
    table.begin();
    let answer = ask(&asker, "app", &of_late).await;
    assert_eq!(answer.retry_after.as_deref(), Some("1"), "{answer:?}");
    table.refused("token after two minutes of running", 409, "is not starting", answer).await;
    table
        .refused("certificate after two minutes of running", 409, "is not starting", certified.resources(DB).await)
        .await;
    late.report("containerStatuses", &[("app", json!({"terminated": {"exitCode": 0}}))]).await;
    table.refused("container that ended", 409, "is not starting", certified.again().resources(DB).await).await;

    // A pod is gone, and another has its name. The API server may remember a token for ten seconds.
    let first = world.create(with_reference("again", "db@azurekeyvault")).await;
    let (of_first, certified) = (first.token("app").await, first.enrolled(service, "app").await);
    first.delete().await;
    table.begin();
    let answer = ask(&asker, "app", &of_first).await;
    let (status, said) = if answer.status == 403 { (403, "no such pod") } else { (401, "proves no container") };
    table.refused("token of a pod that was deleted", status, said, answer).await;
    table
        .refused("certificate of a pod that was deleted", 403, "no such pod", certified.again().resources(DB).await)
        .await;
    let second = world.create(with_reference("again", "db@azurekeyvault")).await;
    table.begin();
    let answer = ask(&asker, "app", &of_first).await;
    let (status, said) = if answer.status == 403 { (403, "another one") } else { (401, "proves no container") };
    table.refused("token of a pod whose name another has", status, said, answer).await;
    table
        .refused(
            "certificate of a pod whose name another has",
            403,
            "another one",
            certified.again().resources(DB).await,
        )
        .await;
    assert_eq!(second.enrolled(service, "app").await.resources(DB).await.status, 200, "the new one is served");
    println!("{} rows", table.rows);
    assert!(world.replicas[0].metric("akv2k8s_auth_refusals_total", &["reason=\"Forbidden\""]).await >= 6.0);
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

#[tokio::test]
async fn a_certificate_of_seconds_ends_on_an_open_connection_too() {
    let world = Installation::start("expired", OBJECTS, &["--pod-certificate-seconds=3"]).await;
    world.resource(&world.shop, "db", "s", "").await;
    let pod = world.create(with_reference("web", "db@azurekeyvault")).await;
    let asker = pod.enrolled(world.replicas[0].mtls(), "app").await;
    let mut table = Table::new(&world);
    let answer = wait_for("the certificate to end", PATIENCE, || async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let answer = asker.resources(DB).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    table.refused("expired certificate on a connection that is open", 401, "needs a certificate", answer).await;
    table
        .refused(
            "expired certificate on a new connection",
            0,
            "a TLS handshake was refused",
            asker.again().resources(DB).await,
        )
        .await;
}

#[tokio::test]
async fn in_a_broker_namespace_a_container_gets_what_its_spec_names() {
    let world = Installation::start("fence", OBJECTS, &["--broker-namespaces={shop}"]).await;
    for (name, object) in [("db", "s"), ("login", "login"), ("tls", "s")] {
        world.resource(&world.shop, name, object, "").await;
    }
    let mut pod = with_reference("web", "${db@azurekeyvault}${login@azurekeyvault?user}");
    pod["metadata"]["annotations"] = json!({"spv.no/files.app": "tls=/etc/tls"});
    let pod = world.create(pod).await;
    let next = world.create(with_reference("next", "login@azurekeyvault")).await;
    let service = world.replicas[0].mtls();
    let (asker, of_next) = (pod.enrolled(service, "app").await, next.enrolled(service, "app").await);
    let mut table = Table::new(&world);
    table.begin();
    table
        .refused(
            "a reference that is not in the spec",
            403,
            "no reference of this container",
            asker.resources(&[("other", &[""])]).await,
        )
        .await;
    table
        .refused(
            "a query that is not",
            403,
            "no reference of this container",
            asker.resources(&[("login", &["password"])]).await,
        )
        .await;
    table
        .refused(
            "no query where one is",
            403,
            "no reference of this container",
            asker.resources(&[("login", &[""])]).await,
        )
        .await;
    let files = |name: &str| json!({"engine": "", "target": "", "resources": [{"name": name, "files": true}]});
    table
        .refused("files that are not", 403, "are not for this container", asker.post(RESOURCES, &files("db")).await)
        .await;
    table
        .refused(
            "the next pod's certificate for this one's",
            403,
            "no reference of this container",
            of_next.resources(DB).await,
        )
        .await;
    table
        .refused(
            "one good and one bad",
            403,
            "no reference of this container",
            asker.resources(&[("db", &[""]), ("other", &[""])]).await,
        )
        .await;
    assert_eq!(asker.again().resources(DB).await.status, 200);
    assert_eq!(asker.again().post(RESOURCES, &files("tls")).await.status, 200);
}

#[tokio::test]
async fn a_plugin_is_given_where_it_may_be_used() {
    let cluster = Cluster::shared().await;
    let trim = akv_defaults::wasm("trim").expect("a default");
    Installation::file(&cluster, "trim.wasm", trim);
    let digest = hex::encode(Sha256::digest(trim));
    let dir = cluster.dir().display().to_string();
    let mut world = Installation::prepare(cluster, "digest", OBJECTS, &["webhook", "--plugin-dir", &dir]).await;
    let next =
        world.namespace("digest-next", &[(akv_api::name::INJECTION_LABEL, world.home.name()), ("team", "next")]).await;
    let name = format!("custom-{}", world.home.name());
    let source = json!({"file": {"path": "trim.wasm", "sha256": digest}});
    let plugin = json!({
        "apiVersion": "spv.no/v1alpha1", "kind": "AzureKeyVaultPlugin", "metadata": {"name": name},
        "spec": {"source": source, "namespaces": {"matchLabels": {"team": "next"}}},
    });
    world.home.put_cluster_wide(plugin).await;
    world.resource(&world.shop, "db", "s", &format!("{{pipeline: [{{plugin: {name}}}]}}")).await;
    world.add_replica().await;
    // From now on the validating webhook would refuse such a resource.
    world.register().await;
    let service = world.replicas[0].mtls();
    let asker = world.create(with_reference("web", "db@azurekeyvault")).await.enrolled(service, "app").await;
    let theirs = world.create_in(&next, with_reference("web", "db@azurekeyvault")).await.enrolled(service, "app").await;
    let query = format!("?engine={}&target={}", akv_plugin::engine::ENGINE, akv_plugin::engine::target());
    let path = |digest: &str| format!("{PLUGINS}{digest}{query}");
    wait_for("the plugin to be ready", PATIENCE, || async {
        let status = theirs.again().bytes(&path(&digest)).await.0;
        tokio::time::sleep(Duration::from_secs(1)).await;
        (status == 200).then_some(())
    })
    .await;
    let mut table = Table::new(&world);
    table.begin();
    table
        .refused("digest of a plugin for others", 404, "no plugin of this digest", asker.get(&path(&digest)).await)
        .await;
    let refused = asker.again().resources(DB).await.resources();
    assert_eq!(json!(refused.resources["db"])["reason"], "PluginNotFound");
    table.begin();
    table
        .refused(
            "digest of a default plugin",
            404,
            "no plugin of this digest",
            asker.get(&path(&hex::encode(Sha256::digest(b"x")))).await,
        )
        .await;
    table.refused("digest with a slash", 404, "no plugin of this digest", asker.get(&path("ab%2f..%2fcd")).await).await;
    table.refused("no engine", 400, "400", asker.get(&format!("{PLUGINS}{digest}")).await).await;
    // Every text that somebody thinks of would be a first answer.
    let mut statuses = Vec::new();
    for n in 0..30 {
        statuses.push(asker.again().get(&path(&format!("{n:064x}"))).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    println!("30 digests that are none: {} of them 429", statuses.iter().filter(|s| **s == 429).count());
}
