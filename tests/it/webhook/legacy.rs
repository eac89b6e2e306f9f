//! Pods that the original admitted, after this installation took its place.

use akv_tests::webhook::Asker;
use akv_tests::webhook::pod::with_reference;
use akv_tests::{Cluster, Installation, Namespace};
use akv_wire::message::{PLUGINS, RESOURCES};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Committed keys of 2048 bits: the authority's, as Helm writes it, and the pods'.
const AUTHORITY: &str = include_str!("../../data/fixtures/rsa.key");
const AUTHORITY_PKCS1: &str = include_str!("../../data/fixtures/rsa.pkcs1.pem");
const POD: &str = include_str!("../../../host/local-vault/src/keys/rsa-1.pem");

/// The original's authority, as Helm's `genCA` makes it.
struct Original {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: Vec<u8>,
}

impl Original {
    fn new() -> Self {
        let key = KeyPair::from_pem(AUTHORITY).expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "svc-cat-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let made = params.self_signed(&key).expect("a certificate");
        Self { pem: made.pem(), der: made.der().to_vec(), issuer: Issuer::new(params, key) }
    }

    /// A directory as the chart mounts it.
    fn directory(&self, cluster: &Cluster) -> String {
        let dir = cluster.dir().join("legacy-ca");
        std::fs::create_dir_all(&dir).expect("a folder");
        std::fs::write(dir.join("tls.crt"), &self.pem).expect("a file");
        std::fs::write(dir.join("tls.key"), AUTHORITY_PKCS1).expect("a file");
        dir.display().to_string()
    }

    /// What lies in a pod's Secret: chain and key. O=akv2k8s, CN the uid of a request, no alternative name.
    fn client(&self) -> String {
        let key = KeyPair::from_pem(POD).expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "akv2k8s");
        params.distinguished_name.push(DnType::CommonName, "705ab4f5-6393-11e8-b7cc-42010a800002");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.signed_by(&key, &self.issuer).expect("a certificate").pem() + POD
    }
}

/// A pod as the original left it.
fn admitted_by_the_original(name: &str) -> Value {
    let mut pod = with_reference(name, "db@azurekeyvault");
    pod["spec"]["initContainers"] =
        json!([{"name": "copy-azurekeyvault-env", "image": "x", "command": ["sh", "-c", "cp a b"]}]);
    let container = &mut pod["spec"]["containers"][0];
    container["command"] = json!(["/azure-keyvault/azure-keyvault-env"]);
    container["args"] = json!(["/app", "serve"]);
    container["env"] =
        json!([{"name": "DB", "value": "db@azurekeyvault"}, {"name": "ENV_INJECTOR_ARGS_SIGNATURE", "value": "x"}]);
    pod
}

async fn of_the_plain_port(world: &Installation, method: Method, path: &str) -> u16 {
    let url = format!("http://{}{path}", world.replicas[0].http());
    let answer = reqwest::Client::new().request(method, &url).send().await.expect("an answer");
    answer.status().as_u16()
}

/// Two seconds have other names: the API server writes whole ones.
async fn next_second() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

async fn migrated() -> (Installation, Original, Namespace) {
    let (cluster, original) = (Cluster::shared().await, Original::new());
    let directory = original.directory(&cluster);
    let policy =
        "vaultAccess:\n- namespaces: [\"legacy-shop-*\"]\n- {namespaces: [\"legacy-next-*\"], vaults: [shop-prod]}\n";
    let policy = Installation::file(&cluster, "legacy-policy.yaml", policy.as_bytes());
    let command = ["webhook", "--legacy-ca-dir", &directory, "--vault-access-policy", &policy];
    let mut world = Installation::prepare(cluster, "legacy", "  secrets: [{name: s, value: v4lue}]\n", &command).await;
    let label = (akv_api::name::INJECTION_LABEL, world.home.name());
    let restricted = world.namespace("legacy-next", &[label]).await;
    world.create(admitted_by_the_original("old")).await;
    world.create_in(&restricted, admitted_by_the_original("old")).await;
    next_second().await;
    world.add_replica().await;
    world.register().await;
    world.resource(&world.shop, "db", "s", "").await;
    (world, original, restricted)
}

#[tokio::test]
async fn pods_of_the_original_are_served_on_its_paths_and_nobody_else() {
    let (world, original, restricted) = migrated().await;
    next_second().await;
    world.create(admitted_by_the_original("young")).await;
    let ours = world.create(with_reference("ours", "db@azurekeyvault")).await;
    let unlabelled = world.namespace("legacy-unlabelled", &[]).await;
    let shop = world.shop.name();
    let mark = world.cluster().audit_mark().await;

    for (what, method, path, expected) in [
        ("a pod of the original", Method::GET, format!("/auth/{shop}/old?secret=akv2k8s-old"), 200),
        ("the same again", Method::GET, format!("/auth/{shop}/old?secret=gone"), 200),
        ("a younger pod of its shape", Method::GET, format!("/auth/{shop}/young?secret=x"), 403),
        ("a pod of ours", Method::GET, format!("/auth/{shop}/ours?secret=x"), 403),
        ("no such pod", Method::GET, format!("/auth/{shop}/gone?secret=x"), 403),
        ("no such namespace", Method::GET, "/auth/gone/old?secret=x".to_owned(), 403),
        ("unlabelled namespace", Method::GET, format!("/auth/{}/old?secret=x", unlabelled.name()), 403),
        ("no secret", Method::GET, format!("/auth/{shop}/old"), 400),
        ("an empty secret", Method::GET, format!("/auth/{shop}/old?secret="), 400),
        ("POST", Method::POST, format!("/auth/{shop}/old?secret=x"), 405),
        ("a path in the name", Method::GET, format!("/auth/{shop}%2fpods/old?secret=x"), 403),
        ("a way out", Method::GET, format!("/auth/{shop}/..%2f..%2fsecrets%2fx?secret=x"), 403),
    ] {
        let status = of_the_plain_port(&world, method, &path).await;
        println!("plain port: {what:<34} {status}");
        assert_eq!(status, expected, "{what}");
    }

    let service = world.replicas[0].mtls();
    // An old pod trusts the old authority alone, and a chain leads there.
    let old = Asker::new(service, &original.der).with(&original.client());
    let answer = old.get(&format!("/auth/{shop}/old")).await;
    let token = answer.body["oauth_token"].as_str().unwrap_or_default().to_owned();
    assert!(answer.status == 200 && !token.is_empty(), "{answer:?}");
    let new = ours.enrolled(service, "app").await;
    let nobody = Asker::new(service, &original.der);
    for (what, answer, expected) in [
        ("a younger pod of its shape", old.again().get(&format!("/auth/{shop}/young")).await, 403),
        ("a pod of ours", old.again().get(&format!("/auth/{shop}/ours")).await, 403),
        ("no such pod", old.again().get(&format!("/auth/{shop}/gone")).await, 403),
        (
            "a namespace that the policy restricts",
            old.again().get(&format!("/auth/{}/old", restricted.name())).await,
            403,
        ),
        ("POST", old.again().post(&format!("/auth/{shop}/old"), &json!({})).await, 405),
        ("no certificate", nobody.get(&format!("/auth/{shop}/old")).await, 401),
        ("a certificate of ours on the old path", new.get(&format!("/auth/{shop}/old")).await, 401),
        ("the old certificate on a new path", old.again().resources(&[("db", &[""])]).await, 401),
        ("the same for a plugin", old.again().get(&format!("{PLUGINS}ab?engine=a&target=b")).await, 401),
        ("the same with nothing", old.again().post(RESOURCES, &json!({})).await, 401),
    ] {
        println!("mTLS port:  {what:<40} {}", answer.status);
        assert_eq!(answer.status, expected, "{what}: {answer:?}");
    }
    let other = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).expect("a certificate");
    let forged = nobody.with(&(other.cert.pem() + &other.signing_key.serialize_pem()));
    assert_eq!(forged.get(&format!("/auth/{shop}/old")).await.status, 0, "a certificate of nobody's");
    assert_eq!(new.again().resources(&[("db", &[""])]).await.status, 200, "new pods trust what they did");

    let of_ours = format!("system:serviceaccount:{}:", world.home.name());
    let asked = world.cluster().audit_since(mark).await;
    let ours = asked.iter().filter(|event| event.user().starts_with(&of_ours));
    let writes: Vec<String> = ours
        .filter(|event| event.is_write() && event.resource() != "tokenreviews")
        .map(|event| format!("{} {}", event.verb, event.uri))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
    let log = world.replicas[0].log();
    assert!(!log.contains(&token) && log.contains("request=\"legacy token\""), "{log}");
    let counted = world.replicas[0].metric("akv2k8s_legacy_requests_total", &[]).await;
    println!("akv2k8s_legacy_requests_total {counted}; writes to Kubernetes: {}", writes.len());
    assert!(counted >= 3.0);
}

#[tokio::test]
async fn without_the_bridge_there_are_no_such_paths() {
    let world = Installation::start("nobridge", "", &[]).await;
    let shop = world.shop.name();
    assert_eq!(of_the_plain_port(&world, Method::GET, &format!("/auth/{shop}/old?secret=x")).await, 404);
    let pod = world.create(with_reference("ours", "db@azurekeyvault")).await;
    let asker = pod.enrolled(world.replicas[0].mtls(), "app").await;
    assert_eq!(asker.get(&format!("/auth/{shop}/old")).await.status, 404);
    let old = Asker::new(world.replicas[0].mtls(), &pod.arguments("app").0.root).with(&Original::new().client());
    assert_eq!(
        old.get(&format!("/auth/{shop}/old")).await.status,
        0,
        "the old certificate does not pass the handshake"
    );
}
