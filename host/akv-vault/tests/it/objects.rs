//! What is read of each kind of object, and by which requests.

use std::collections::BTreeSet;

use akv_core::{Alias, Description, ObjectKind, ObjectName, ObjectRef, ObjectVersion, Part, VaultName};
use akv_vault::VaultClient;

use crate::folder::Folder;
use crate::stage::{Stage, V1, V2};

/// The vault of all tests.
pub fn demo() -> VaultName {
    VaultName::parse("demo").expect("a name")
}

/// What names an object.
pub fn object(kind: ObjectKind, name: &str, version: Option<&str>) -> Description {
    Description {
        alias: Alias::parse(name).expect("an alias"),
        object: ObjectRef {
            kind,
            name: ObjectName::parse(name).expect("a name"),
            version: version.map(|version| ObjectVersion::parse(version).expect("a version")),
        },
        attributes: Vec::new(),
    }
}

/// The halves that are wanted.
pub fn parts(parts: &[Part]) -> BTreeSet<Part> {
    parts.iter().copied().collect()
}

const BOTH: &[Part] = &[Part::Public, Part::Private];

fn certificate(version: &str) -> String {
    format!(
        r#"{{"id":"https://demo.vault.localhost/certificates/tls/{version}","cer":"MAMCAQE=","attributes":{{"enabled":true,"exp":9,"nbf":8}},
            "tags":{{"team":"shop"}},"policy":{{"secret_props":{{"contentType":"application/x-pkcs12"}}}}}}"#
    )
}

#[tokio::test]
async fn a_secret_is_one_request_and_keeps_all_that_describes_it() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    let body = format!(
        r#"{{"value":"a\r\nb","contentType":"text/plain","id":"https://x/secrets/db/{V1}","attributes":{{"exp":2,"nbf":1}},"tags":{{"k":"v"}}}}"#
    );
    stage.put("/secrets/db/", body.clone());
    stage.put(&format!("/secrets/db/{V2}"), body.replace(V1, V2));
    let client = VaultClient::new(stage.settings(&folder)).expect("a client");
    let wanted = object(ObjectKind::Secret, "db", None);
    let read = client.read(&demo(), &wanted, &parts(BOTH)).await.expect("a secret");
    assert_eq!(read.private.expect("a value").expose(), b"a\r\nb");
    assert_eq!((read.version.as_str(), read.content_type.as_deref()), (V1, Some("text/plain")));
    assert_eq!((read.not_before, read.expires, read.public), (Some(1), Some(2), None));
    assert_eq!(read.tags, [("k".to_owned(), "v".to_owned())]);
    let pinned = object(ObjectKind::MultiKeyValueSecret, "db", Some(V2));
    let read = client.read(&demo(), &pinned, &parts(BOTH)).await.expect("a secret");
    assert_eq!(read.version, V2);
    let login = "POST /tenant/oauth2/v2.0/token".to_owned();
    assert_eq!(stage.asked(), [login, "GET /secrets/db/".to_owned(), format!("GET /secrets/db/{V2}")]);
}

#[tokio::test]
async fn the_public_half_of_a_certificate_asks_for_nothing_private() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.put("/certificates/tls/", certificate(V1));
    let client = VaultClient::new(stage.settings(&folder)).expect("a client");
    let wanted = object(ObjectKind::Certificate, "tls", None);
    let read = client.read(&demo(), &wanted, &parts(&[Part::Public])).await.expect("a certificate");
    assert_eq!(read.public.as_deref(), Some([0x30, 3, 2, 1, 1].as_slice()));
    assert!(read.private.is_none());
    assert_eq!((read.version.as_str(), read.content_type.as_deref()), (V1, Some("application/x-pkcs12")));
    assert_eq!((read.not_before, read.expires), (Some(8), Some(9)));
    let paths: Vec<String> = stage.all().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/certificates/tls/", "/tenant/oauth2/v2.0/token", "/certificates/tls/"]);
}

#[tokio::test]
async fn the_private_half_is_one_more_request_for_the_same_version() {
    for wanted in [BOTH, &[Part::Private]] {
        let (stage, folder) = (Stage::secure().await, Folder::new());
        stage.put("/certificates/tls/", certificate(V1));
        // The certificate is renewed between the two requests: the latest secret no longer belongs to it.
        stage.put_secret("tls", V1, "pfx of v1");
        stage.put_secret("tls", V2, "pfx of v2");
        let client = VaultClient::new(stage.settings(&folder)).expect("a client");
        let tls = object(ObjectKind::Certificate, "tls", None);
        let read = client.read(&demo(), &tls, &parts(wanted)).await.expect("a certificate");
        assert_eq!(read.private.expect("a value").expose(), b"pfx of v1");
        assert_eq!(read.public.is_some(), wanted.contains(&Part::Public));
        assert_eq!(read.version, V1);
        let reads: Vec<String> = stage.asked().into_iter().filter(|asked| asked.starts_with("GET")).collect();
        assert_eq!(reads, ["GET /certificates/tls/".to_owned(), format!("GET /secrets/tls/{V1}")]);
    }
}

#[tokio::test]
async fn a_key_is_its_jwk() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    let jwk = format!(r#"{{"kid":"https://x/keys/sign/{V1}","kty":"RSA","key_ops":["sign"],"n":"AQAB","e":"AQAB"}}"#);
    stage.put("/keys/sign/", format!(r#"{{"key":{jwk},"attributes":{{"enabled":true}}}}"#));
    let client = VaultClient::new(stage.settings(&folder)).expect("a client");
    let wanted = object(ObjectKind::Key, "sign", None);
    let read = client.read(&demo(), &wanted, &parts(BOTH)).await.expect("a key");
    assert_eq!(String::from_utf8(read.public.expect("a key")).expect("text"), jwk);
    assert!(read.private.is_none());
    assert_eq!(read.version, V1);
}

#[tokio::test]
async fn clients_are_kept_by_vault_and_every_request_says_who_asks() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    stage.put_secret("db", V1, "x");
    let client = VaultClient::new(stage.settings(&folder)).expect("a client");
    for vault in ["demo", "DEMO", "other", "demo"] {
        let vault = VaultName::parse(vault).expect("a name");
        client.clone().read(&vault, &object(ObjectKind::Secret, "db", None), &parts(BOTH)).await.expect("a secret");
    }
    let all = stage.all();
    let challenges = all.iter().filter(|asked| asked.method == "GET" && !asked.has_token());
    assert_eq!(challenges.count(), 2, "one for each vault");
    assert_eq!(stage.logins().len(), 1);
    for asked in &all {
        let agent = asked.headers.get("user-agent").expect("an agent");
        assert!(agent.starts_with(concat!("akv2k8s/controller/", env!("CARGO_PKG_VERSION"), " ")), "{agent}");
    }
    assert!(all.iter().all(|asked| asked.method == "POST" || asked.query.contains("api-version=2025-07-01")));
}
