//! What Java's own `keytool` says of the keystores.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use java_keystore::config::Described;
use java_keystore::fault::{Blame, Fault};
use java_keystore::render::{Object, render};
use std::process::Command;
use zeroize::Zeroizing;

const RSA: &str = include_str!("data/rsa.pfx.b64");
const RSA_LEGACY: &str = include_str!("data/rsa-legacy.pfx.b64");
const RSA_CER: &str = include_str!("data/rsa.cer.b64");
const EC: &str = include_str!("data/ec-key-last.pem");
const EC_CER: &str = include_str!("data/ec.cer.b64");
const PKCS12: &str = "application/x-pkcs12";
const PEM: &str = "application/x-pem-file";

fn der(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64.split_ascii_whitespace().collect::<String>()).unwrap()
}

fn certificate(content_type: &str, cer: &str, private: &str) -> Object {
    let private = if content_type == PEM { private.to_owned() } else { private.split_ascii_whitespace().collect() };
    Object {
        described: Described { alias: "tls".into(), kind: "certificate".into() },
        content_type: Some(content_type.into()),
        public: Some(der(cer)),
        private: Some(Zeroizing::new(private.into_bytes())),
    }
}

fn secret(alias: &str, value: &str) -> Object {
    Object {
        described: Described { alias: alias.into(), kind: "secret".into() },
        content_type: None,
        public: None,
        private: Some(Zeroizing::new(value.as_bytes().to_vec())),
    }
}

/// Runs keytool on a file; `None` where there is no Java and nobody insists.
fn keytool(keystore: &[u8], password: &str, arguments: &[&str]) -> Option<(bool, String)> {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let file = std::env::temp_dir().join(format!("java-keystore-{}-{n}", std::process::id()));
    std::fs::write(&file, keystore).unwrap();
    let output =
        Command::new("keytool").args(arguments).args(["-storepass", password, "-keystore"]).arg(&file).output();
    let imported = file.with_extension("imported");
    std::fs::remove_file(&file).unwrap();
    let _ = std::fs::remove_file(imported);
    match output {
        Ok(o) => Some((
            o.status.success(),
            String::from_utf8_lossy(&o.stdout).into_owned() + &String::from_utf8_lossy(&o.stderr),
        )),
        Err(e) if std::env::var_os("CI").is_some() => panic!("keytool (Java) is needed: {e}"),
        Err(_) => {
            eprintln!("skipped: no keytool (Java) here");
            None
        }
    }
}

fn check(object: Object, config: &str, password: &str, expected_type: &str, expected_entry: &str) {
    let (_, keystore) = render(config, "secret", &[object, secret("pw", "from the vault")]).unwrap();
    let Some((ok, text)) = keytool(&keystore, password, &["-list", "-v"]) else {
        return;
    };
    assert!(ok, "{config}: {text}");
    for line in [
        &format!("Keystore type: {expected_type}"),
        "Your keystore contains 1 entry",
        &format!("Alias name: {expected_entry}"),
        "Entry type: PrivateKeyEntry",
        "Certificate chain length: 3",
    ] {
        assert!(text.contains(line), "{config}: {line:?} is not in\n{text}");
    }
    let places = ["Owner: CN=shop.example", "Owner: CN=Example Issuing", "Owner: CN=Example Root"]
        .map(|o| text.find(o).unwrap());
    assert!(places.is_sorted(), "{text}");

    // A request for a certificate is signed with the private key: the key is whole and belongs to the password.
    let (ok, text) = keytool(&keystore, password, &["-certreq", "-alias", expected_entry]).unwrap();
    assert!(ok && text.contains("BEGIN NEW CERTIFICATE REQUEST"), "{config}: {text}");
    let (ok, text) = keytool(&keystore, "not the password", &["-list"]).unwrap();
    assert!(
        !ok && ["password was incorrect", "integrity check"].iter().any(|t| text.to_lowercase().contains(t)),
        "{config}: {text}"
    );
}

#[test]
fn java_reads_key_and_chain_of_every_form_in_both_formats() {
    let literal = r#"{"password":"changeit","format":"jks"}"#;
    check(certificate(PKCS12, RSA_CER, RSA), literal, "changeit", "JKS", "tls");
    check(certificate(PKCS12, RSA_CER, RSA_LEGACY), literal, "changeit", "JKS", "tls");
    check(certificate(PEM, EC_CER, EC), literal, "changeit", "JKS", "tls");
    let from = r#"{"passwordFrom":"pw","alias":"Shop","format":"pkcs12"}"#;
    check(certificate(PKCS12, RSA_CER, RSA), from, "from the vault", "PKCS12", "shop");
    check(certificate(PEM, EC_CER, EC), from, "from the vault", "PKCS12", "shop");
    check(certificate(PEM, EC_CER, EC), r#"{"passwordFrom":"pw","format":"jks"}"#, "from the vault", "JKS", "tls");
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_password_another_salt() {
    for format in ["jks", "pkcs12"] {
        let of = |password: &str| {
            let config = format!(r#"{{"password":"{password}","format":"{format}"}}"#);
            render(&config, "secret", &[certificate(PEM, EC_CER, EC)]).unwrap().1
        };
        assert_eq!(of("changeit"), of("changeit"));
        assert_ne!(of("changeit"), of("changed!"));
    }
}

#[test]
fn the_file_is_named_by_format_or_by_config() {
    let name = |config: &str| render(config, "secret", &[certificate(PEM, EC_CER, EC)]).unwrap().0;
    assert_eq!(name(r#"{"password":"changeit"}"#), "keystore.p12");
    assert_eq!(name(r#"{"password":"changeit","format":"jks"}"#), "keystore.jks");
    assert_eq!(name(r#"{"password":"changeit","key":"a.b"}"#), "a.b");
}

fn refused(config: &str, target: &str, objects: Vec<Object>, blame: Blame, code: &str, at: &str) {
    match render(config, target, &objects) {
        Ok(_) => panic!("{config} is not refused"),
        Err(Fault { blame: b, code: c, at: a, .. }) => {
            assert_eq!((b, c, a.as_deref()), (blame, code, Some(at)), "{config}")
        }
    }
}

#[test]
fn what_cannot_be_a_keystore_is_refused_with_a_place() {
    use Blame::{Config, Input};
    let ec = || certificate(PEM, EC_CER, EC);
    let ok = r#"{"password":"changeit"}"#;
    refused("{}", "secret", vec![ec()], Config, "password", "/password");
    refused(r#"{"password":"short"}"#, "secret", vec![ec()], Config, "short-password", "/password");
    refused(r#"{"password":"changeit","colour":1}"#, "secret", vec![ec()], Config, "bad-config", "");
    refused(ok, "config-map", vec![ec()], Config, "wrong-target", "");
    refused(ok, "secret", vec![secret("a", "b")], Config, "no-certificate", "");
    refused(ok, "secret", vec![ec(), ec()], Config, "which-certificate", "/certificate");
    refused(r#"{"passwordFrom":"x"}"#, "secret", vec![ec()], Config, "unknown-object", "/passwordFrom");
    refused(r#"{"passwordFrom":"tls"}"#, "secret", vec![ec()], Config, "not-a-secret", "/passwordFrom");
    refused(r#"{"passwordFrom":"pw"}"#, "secret", vec![ec(), secret("pw", "short")], Input, "short-password", "pw");
    refused(ok, "secret", vec![certificate(PKCS12, RSA_CER, "AAAA")], Input, "bad-pkcs12", "tls");
    refused(ok, "secret", vec![certificate(PKCS12, RSA_CER, "***")], Input, "bad-base64", "tls");
    refused(ok, "secret", vec![certificate(PEM, EC_CER, "-----BEGIN PRIVATE KEY-----")], Input, "bad-pem", "tls");
    refused(ok, "secret", vec![certificate(PEM, EC_CER, "no blocks")], Input, "no-private-key", "tls");
    refused(ok, "secret", vec![Object { private: None, ..ec() }], Input, "no-private-key", "tls");
    refused(ok, "secret", vec![Object { public: Some(vec![1]), ..ec() }], Input, "bad-certificate", "tls");
}
