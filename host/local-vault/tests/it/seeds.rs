//! Seeds: what is wrong is told with file, line, path and what to do; the example is right.

use crate::folder::Folder;
use crate::stage::Stage;
use local_vault::{LocalVault, Options, Seed};
use std::path::Path;
use std::process::Command;

/// What is said about a seed, without the file.
fn said(yaml: &str) -> Vec<String> {
    let folder = Folder::new();
    let file = folder.write("vault.yaml", yaml);
    let error = Seed::read(Path::new(&file)).err().map(|e| e.to_string()).unwrap_or_default();
    error.lines().map(|line| line.replacen(&file, "vault.yaml", 1)).collect()
}

fn check(yaml: &str, expected: &[&str]) {
    let said = said(yaml);
    assert_eq!(said.len(), expected.len(), "{yaml}: {said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.contains(expected), "{yaml}: {said:?} is not {expected:?}");
    }
}

#[test]
fn fields_and_types_that_are_unknown_have_a_place() {
    check(
        "vaults:\n- name: shop\n  secrets:\n  - {name: db, valu: x}\n",
        &["vault.yaml:4:16: vaults[0].secrets[0]: unknown field `valu`, expected one of `name`, `value`"],
    );
    check("vaults:\n- name: shop\n  secrets: [{name: db}]\n", &["missing field `value`"]);
    // What stands at a wrong place may be a value.
    let said = said("vaults:\n- name: shop\n  secrets:\n  - name: pin\n    value: x\n    nbf: canary\n");
    assert!(
        said[0].starts_with("vault.yaml:6:10: vaults[0].secrets[0].nbf: invalid type: string, expected i64"),
        "{said:?}"
    );
    check("vaults: [\n", &["vault.yaml:2:1: "]);
}

#[test]
fn names_versions_and_values_are_those_of_key_vault() {
    check(
        "vaults:\n- name: Shop\n- name: a\n  secrets:\n  - {name: a_b, value: x}\n  - {name: c, value: x, version: '1'}\n",
        &[
            "vault.yaml:2: vaults[0].name: \"Shop\" is no name of a vault: use 3 to 24 lower-case letters",
            "vault.yaml:3: vaults[1].name: \"a\" is no name of a vault: ",
            "vault.yaml:5: vaults[1].secrets[0].name: \"a_b\" is no name of an object: use 1 to 127 letters, digits and dashes",
            "vault.yaml:6: vaults[1].secrets[1].version: \"1\" is no version: use 32 hexadecimal digits",
        ],
    );
    let large = format!("vaults:\n- name: shop\n  secrets: [{{name: db, value: {}}}]\n", "v".repeat(25_601));
    check(&large, &["vault.yaml:3: vaults[0].secrets[0].value: it has 25601 bytes; Key Vault takes 25600 at most"]);
}

#[test]
fn what_can_be_there_only_once_is_there_only_once() {
    check(
        "identities: [{name: app}, {name: app, clientId: x}]\nvaults:\n- name: shop\n  keys: [{name: k}, {name: K}]\n  certificates:\n  - name: k\n  - name: tls\n  - name: tls\n- name: shop\n",
        &[
            "vault.yaml:1: identities[1].name: \"app\" is identity identities[0] already; give each another name",
            "vault.yaml:4: vaults[0].keys[1].name: \"K\" is key vaults[0].keys[0] already",
            "vault.yaml:8: vaults[0].certificates[2].name: \"tls\" is certificate vaults[0].certificates[1] already",
            "vault.yaml:6: vaults[0].certificates[0].name: \"k\" is a secret or key too",
            "vault.yaml:9: vaults[1].name: \"shop\" is vault vaults[0] already",
        ],
    );
    let version = "00000000000000000000000000000001";
    check(
        &format!(
            "vaults:\n- name: shop\n  secrets:\n  - {{name: a, value: x, version: '{version}'}}\n  - {{name: A, value: y, version: '{version}'}}\n"
        ),
        &["vault.yaml:5: vaults[0].secrets[1].version: \"00000000000000000000000000000001\" is a version of A already"],
    );
    check(
        "identities:\n- {name: a, managed: system}\n- {name: b, managed: system}\n",
        &["vault.yaml:3: identities[1].managed"],
    );
}

#[test]
fn identities_certificates_and_faults_say_what_can_be() {
    check(
        "identities:\n- name: app\n  certificates: [nonsense]\n  federated:\n  - {issuer: i, subject: s}\n  - {issuer: i, subject: s, jwksUrl: 'http://x', caFile: c}\n  - {issuer: i, subject: s, jwks: {}, caFile: c}\n  roles: [{vault: shop, allow: []}]\nvaults: [{name: other}]\n",
        &[
            "vault.yaml:3: identities[0].certificates: it is no certificate as PEM: ",
            "vault.yaml:5: identities[0].federated[0]: the issuer's keys come from one place: name one of jwks, jwksFile and jwksUrl",
            "vault.yaml:6: identities[0].federated[1].jwksUrl: \"http://x\" does not begin with https://",
            "vault.yaml:7: identities[0].federated[2].jwks: it is no JSON Web Key Set",
            "vault.yaml:7: identities[0].federated[2]: caFile and tokenFile are for jwksUrl",
            "vault.yaml:8: identities[0].roles[0].vault: there is no vault \"shop\"; name one of other, or * for all",
        ],
    );
    check(
        "vaults:\n- name: shop\n  certificates:\n  - {name: a, pem: x, pfx: y}\n  - {name: b, pem: x, chain: 1}\n  - {name: c, chain: 9}\n  - {name: d, password: x}\nfaults:\n- {operation: secrets.read, share: 2}\n",
        &[
            "vault.yaml:4: vaults[0].certificates[0]: a certificate is given once",
            "vault.yaml:5: vaults[0].certificates[1]: subject, sans and chain describe a certificate to make",
            "vault.yaml:6: vaults[0].certificates[2].chain: 9 issuers are too many; use 0 to 4",
            "vault.yaml:7: vaults[0].certificates[3].password: it is the password of a pfx or pfxFile",
            "vault.yaml:9: faults[0].operation: \"secrets.read\" is no operation; use one of *, token",
            "vault.yaml:9: faults[0].share: it is no part of one; use 0 to 1",
        ],
    );
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_has_a_place_too() {
    let folder = Folder::new();
    let yaml = "vaults:\n- name: shop\n  certificates:\n  - name: good\n  - {name: bad, pemFile: missing.pem}\n";
    let file = folder.write("vault.yaml", yaml);
    let seed = Seed::read(Path::new(&file)).unwrap_or_else(|e| panic!("{e}"));
    let error = LocalVault::start(seed, Options::default()).await.err().expect("it cannot start").to_string();
    let missing = folder.path().join("missing.pem");
    let start =
        format!("{file}:5: vaults[0].certificates[1]: a given certificate cannot be read: {}: ", missing.display());
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn the_program_refuses_an_identity_that_the_seed_does_not_have() {
    let folder = Folder::new();
    let seed = folder.write("vault.yaml", "identities: [{name: app, secret: x}, {name: other}]\n");
    for (arguments, expected) in [
        (
            ["--seed", seed.as_str(), "--identity", "nobody"],
            format!("{seed}: there is no identity \"nobody\"; name one of its `identities`: app, other\n"),
        ),
        (
            ["--seed", "/nowhere.yaml", "--identity", "app"],
            "/nowhere.yaml: No such file or directory (os error 2); name a seed, such as examples/vault.yaml\n"
                .to_owned(),
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_local-vault")).args(arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn every_object_of_the_example_can_be_read_by_its_first_identity() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/vault.yaml");
    let text = std::fs::read_to_string(&file).expect("the example");
    let seed = Seed::read(&file).unwrap_or_else(|e| panic!("{e}"));
    let identity = seed.identities[0].name.clone();
    let stage = Stage::start(&text).await;
    let token = stage.token_of(&identity).await;
    let mut read = 0;
    for vault in &seed.vaults {
        let secrets = vault.secrets.iter().filter(|s| s.enabled).map(|s| ("secrets", &s.name));
        let certificates = vault.certificates.iter().map(|c| ("certificates", &c.name));
        for (kind, name) in secrets.chain(certificates).chain(vault.keys.iter().map(|k| ("keys", &k.name))) {
            let url = stage.url(&format!("/{kind}/{name}")).replace("//shop.", &format!("//{}.", vault.name));
            let reply = stage.send(stage.http.get(url).bearer_auth(&token)).await;
            assert_eq!(reply.status, 200, "{}/{kind}/{name}: {reply:?}", vault.name);
            read += 1;
        }
    }
    assert!(read >= 8, "{read} objects");
}
