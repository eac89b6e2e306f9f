//! Every exit code that the help promises, by every command that can end with it.

use std::path::{Path, PathBuf};
use std::process::Command;

const GOOD: &str = "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {name: x}\nspec:\n  vault: {name: shop-prod, object: {name: s, type: secret}}\n  output: {secret: {name: s, dataKey: k}}\n";

fn files() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-exit");
    std::fs::create_dir_all(&dir).unwrap();
    let case = |expected: &str| {
        format!("case: it trims\nplugin: trim\ninput: {{text: ' x '}}\nexpect: {{output: {{text: {expected}}}}}\n")
    };
    for (file, text) in [
        ("good.yaml", GOOD.to_owned()),
        ("bad.yaml", GOOD.replace("shop-prod", "a.b")),
        ("values.yaml", "vaults: [{name: shop-prod, secrets: [{name: s, value: v}]}]\n".to_owned()),
        ("empty.yaml", "vaults: []\n".to_owned()),
        ("wrong-values.yaml", "vaults:\n- name: [not-a-real-value]\n".to_owned()),
        ("wrong-policy.yaml", "vaultAccess: [{namespace: [shop]}]\n".to_owned()),
        ("passes.yaml", case("x")),
        ("fails.yaml", case("y")),
        ("no-case.yaml", "case: it trims\nplugin: trim\n".to_owned()),
        ("text.wasm", "no component".to_owned()),
        ("kubeconfig", "clusters: 7\n".to_owned()),
    ] {
        std::fs::write(dir.join(file), text).unwrap();
    }
    std::fs::write(dir.join("trim.wasm"), akv_defaults::wasm("trim").unwrap()).unwrap();
    dir
}

#[test]
fn a_command_ends_with_the_code_that_its_help_promises_and_says_why() {
    let at = files();
    let check = |arguments: &str, exit: i32, stderr: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_akv2k8s"));
        // A real vault is out of reach: nothing listens there, and the environment names no identity.
        command.current_dir(&at).env_clear().env("PATH", "").env("HTTPS_PROXY", "http://127.0.0.1:9");
        let output = command.args(&arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
        assert!(said.contains(stderr), "{arguments:?}: {stderr:?} is not in\n{said}");
        assert!(!said.contains("not-a-real-value") && !said.contains("panicked"), "{arguments:?}: {said}");
    };
    check("version", 0, "");
    check("crd print", 0, "");
    check("ready http://127.0.0.1:9/readyz --timeout 0", 1, "http://127.0.0.1:9/readyz: error sending request");
    check("ready", 2, "<URL>");
    check("no-such-command", 2, "unrecognized subcommand");

    check("lint -f good.yaml", 0, "0 errors, 0 warnings");
    check("lint -f bad.yaml", 1, "1 error, 0 warnings");
    check("lint", 2, "--filename");
    check("lint -f missing.yaml", 2, "missing.yaml: No such file");
    check(
        "lint -f good.yaml --vault-access-policy wrong-policy.yaml",
        2,
        "wrong-policy.yaml: vaultAccess[0]: unknown field `namespace`",
    );
    check("lint -f good.yaml --plugin custom", 2, "write NAME=FILE");
    check("lint -f good.yaml --plugin custom=missing.wasm", 2, "missing.wasm: No such file");
    check("lint -f good.yaml --plugin trim=trim.wasm", 2, "trim: this is the name of a default plugin");
    check("lint -f good.yaml --plugin custom=text.wasm", 1, "text.wasm: ");
    check("lint -f good.yaml --namespace-labels shop", 2, "write NAMESPACE:KEY=VALUE");
    check("lint -f good.yaml -o xml", 2, "[possible values: text, json, yaml]");

    check("render -f good.yaml --values values.yaml", 0, "");
    check("render -f bad.yaml --values values.yaml", 1, "bad.yaml:5: error InvalidSpec: spec.vault.name: ");
    check("render -f good.yaml --values missing.yaml", 2, "missing.yaml: No such file");
    check("render -f good.yaml --values wrong-values.yaml", 2, "wrong-values.yaml:2:");
    check(
        "render -f good.yaml --values empty.yaml",
        3,
        "good.yaml:5: error ObjectNotFound: spec.vault: the values file has no vault shop-prod",
    );
    check("render -f good.yaml --auth-type environment", 3, "good.yaml:5: error VaultUnavailable: spec.vault: ");
    check(
        "render -f good.yaml --auth-type azureCloudConfig --cloudconfig missing.json",
        3,
        "or give objects by --values FILE",
    );

    check("plugin inspect trim.wasm", 0, "");
    check("plugin inspect text.wasm", 1, "");
    check("plugin inspect missing.wasm", 2, "missing.wasm: No such file");
    check("plugin test passes.yaml", 0, "");
    check("plugin test passes.yaml fails.yaml", 1, "");
    check("plugin test no-case.yaml", 2, "no-case.yaml:1: missing field `expect`");
    check("plugin test missing.yaml", 2, "missing.yaml: No such file");
    check("plugin pack text.wasm -o out.wasm", 1, "text.wasm: ");
    check("plugin pack missing.wasm -o out.wasm", 2, "missing.wasm: No such file");
    check("crd apply --kubeconfig missing", 2, "kubeconfig missing: ");
    check("crd apply --kubeconfig kubeconfig", 2, "kubeconfig kubeconfig: ");
}
