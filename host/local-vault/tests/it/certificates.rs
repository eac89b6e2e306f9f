//! Certificates of a seed: made and given ones, as a client gets them.

use crate::folder::Folder;
use crate::stage::Stage;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p12_keystore::{KeyStore, Pkcs12Archive, Pkcs12ImportPolicy, PrivateKey, PrivateKeyChain};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use serde_json::Value;

/// What the certificate's secret holds: the private key's DER, and the certificates, leaf first.
struct Held {
    key: Option<Vec<u8>>,
    chain: Vec<CertificateDer<'static>>,
}

fn held(secret: &Value) -> Held {
    let value = secret["value"].as_str().expect("a value");
    if secret["contentType"] == "application/x-pem-file" {
        let key = PrivateKeyDer::from_pem_slice(value.as_bytes()).ok().map(|key| key.secret_der().to_vec());
        let chain = CertificateDer::pem_slice_iter(value.as_bytes()).collect::<Result<_, _>>().expect("PEM");
        return Held { key, chain };
    }
    assert_eq!(secret["contentType"], "application/x-pkcs12");
    let bytes = STANDARD.decode(value).expect("base64");
    let der = |c: &p12_keystore::Certificate| CertificateDer::from(c.as_der().to_vec());
    // A chain is ordered by the library; without a key there is none, and the leaf is the one that issued nothing.
    let store = KeyStore::from_pkcs12(&bytes, "", Pkcs12ImportPolicy::Strict).expect("PKCS#12");
    if let Some((_, chain)) = store.private_key_chain() {
        return Held { key: Some(chain.key().as_der().to_vec()), chain: chain.certs().iter().map(der).collect() };
    }
    let archive = Pkcs12Archive::from_pkcs12(&bytes, "").expect("PKCS#12");
    assert!(archive.keys.is_empty());
    Held { key: None, chain: archive.certs.iter().map(|bag| der(&bag.cert)).collect() }
}

/// Whether each certificate but the last is issued through the ones above it, down from the last.
fn check_chain(name: &str, chain: &[CertificateDer<'static>]) {
    let (leaf, issuers) = chain.split_first().expect("a leaf");
    let Some((root, between)) = issuers.split_last() else { return };
    let anchors = [webpki::anchor_from_trusted_cert(root).expect("an authority")];
    let leaf = webpki::EndEntityCert::try_from(leaf).expect("a certificate");
    let usage = webpki::KeyUsage::server_auth();
    let verified = leaf.verify_for_usage(
        &[webpki::ring::ECDSA_P256_SHA256],
        &anchors,
        between,
        UnixTime::now(),
        usage,
        None,
        None,
    );
    assert!(verified.is_ok(), "{name}: {:?}", verified.err());
}

#[tokio::test]
async fn every_kind_of_key_chain_and_form_belongs_together() {
    let mut objects = "  certificates:\n".to_owned();
    let mut expected = Vec::new();
    for (key, crv) in
        [("rsa2048", None), ("ec-p256", Some("P-256")), ("ec-p384", Some("P-384")), ("ec-p521", Some("P-521"))]
    {
        for chain in [0, 2] {
            for (form, exportable) in
                [("pem", true), ("pkcs12", true), ("application/x-pem-file", false), ("pkcs12", false)]
            {
                let name = format!("c{}", expected.len());
                objects += &format!(
                    "  - {{name: {name}, key: {key}, chain: {chain}, contentType: {form}, exportable: {exportable}, sans: [{name}.example]}}\n"
                );
                expected.push((name, crv, chain, exportable));
            }
        }
    }
    let stage = Stage::with(&objects).await;
    let token = stage.token().await;
    for (name, crv, chain, exportable) in expected {
        let certificate = stage.get(&format!("/certificates/{name}"), &token).await.body;
        let props = &certificate["policy"]["key_props"];
        assert_eq!((props["crv"].as_str(), &props["exportable"]), (crv, &Value::Bool(exportable)), "{name}");
        let held = held(&stage.get(&format!("/secrets/{name}"), &token).await.body);
        assert_eq!((held.key.is_some(), held.chain.len()), (exportable, chain + 1), "{name}");
        let leaf = STANDARD.decode(certificate["cer"].as_str().expect("a certificate")).expect("base64");
        assert!(held.chain.iter().any(|der| **der == *leaf), "{name}: the leaf is in the secret");
        if exportable {
            assert_eq!(*held.chain[0], *leaf, "{name}: the leaf is first");
            check_chain(&name, &held.chain);
        }
        // The point or modulus of the key object is in the certificate.
        let jwk = stage.get(&format!("/keys/{name}"), &token).await.body["key"].clone();
        let number =
            URL_SAFE_NO_PAD.decode(jwk["n"].as_str().or(jwk["y"].as_str()).expect("a number")).expect("base64");
        assert!(leaf.windows(number.len()).any(|part| part == number), "{name}: the key is the certificate's");
        let names =
            webpki::EndEntityCert::try_from(&held.chain[0]).map(|c| c.valid_dns_names().map(str::to_owned).collect());
        assert!(!exportable || names == Ok(vec![format!("{name}.example")]), "{name}: {names:?}");
    }
}

#[tokio::test]
async fn a_certificate_can_be_given_as_text_or_file_and_as_pem_or_pkcs12_with_a_password() {
    let folder = Folder::new();
    let first = Stage::with("  certificates: [{name: made, key: ec-p521, chain: 1, contentType: pem}]\n").await;
    let token = first.token().await;
    let secret = first.get("/secrets/made", &token).await.body;
    let pem = secret["value"].as_str().expect("PEM").to_owned();
    let made = held(&secret);
    let certificates = made.chain.iter().map(|der| p12_keystore::Certificate::from_der(der).expect("a certificate"));
    let key = PrivateKey::from_der(made.key.as_deref().expect("a key")).expect("a key");
    let mut store = KeyStore::new();
    let chain = PrivateKeyChain::new([1u8].as_slice(), key, certificates.collect::<Vec<_>>());
    store.add_entry("made", p12_keystore::KeyStoreEntry::PrivateKeyChain(chain));
    let pfx = store.writer("pässword").encryption_iterations(1).mac_iterations(1).write().expect("PKCS#12");
    folder.write("made.pem", &pem);
    folder.write("made.pfx", &pfx);
    // Paths are relative to the seed.
    let seed = format!(
        "{}  certificates:\n  - {{name: a, pem: {}}}\n  - {{name: b, pemFile: made.pem, contentType: pem}}\n  - {{name: c, pfx: {}, password: pässword}}\n  - {{name: d, pfxFile: made.pfx, password: pässword, contentType: pem}}\n",
        crate::stage::SEED,
        serde_json::to_string(&pem).expect("JSON"),
        STANDARD.encode(&pfx),
    );
    let file = folder.write("vault.yaml", seed);
    let seed = local_vault::Seed::read(std::path::Path::new(&file)).unwrap_or_else(|e| panic!("{e}"));
    let stage = Stage::of(seed).await;
    let token = stage.token().await;
    for name in ["a", "b", "c", "d"] {
        let found = held(&stage.get(&format!("/secrets/{name}"), &token).await.body);
        assert_eq!(found.chain, made.chain, "{name}");
        assert_eq!(found.key, made.key, "{name}");
        let jwk = stage.get(&format!("/keys/{name}"), &token).await.body["key"].clone();
        assert_eq!(jwk["crv"], "P-521", "{name}");
    }
}

#[tokio::test]
async fn a_rotated_certificate_has_another_key_and_its_older_version_can_be_read() {
    let stage = Stage::with("  certificates: [{name: tls, key: ec-p256}, {name: rsa}]\n").await;
    let token = stage.token().await;
    for name in ["tls", "rsa"] {
        let before = stage.get(&format!("/keys/{name}"), &token).await.body;
        stage.vault.change("shop", "certificates", name, "rotate");
        let after = stage.get(&format!("/keys/{name}"), &token).await.body;
        assert_ne!(before["key"], after["key"], "{name}");
        let kid = before["key"]["kid"].as_str().expect("a kid");
        let version = kid.rsplit('/').next().expect("a version");
        for kind in ["certificates", "secrets", "keys"] {
            let older = stage.get(&format!("/{kind}/{name}/{version}"), &token).await;
            assert_eq!(older.status, 200, "{kind}/{name}");
        }
        assert_eq!(stage.get(&format!("/keys/{name}/{version}"), &token).await.body["key"], before["key"]);
    }
}
