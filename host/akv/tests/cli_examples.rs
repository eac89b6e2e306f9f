//! The built program over `examples/`; `BLESS=1` writes what it printed as the expected output.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn program(arguments: &[&str], at: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akv2k8s"));
    command.args(arguments).current_dir(at).output().unwrap()
}

fn check(example: &str, more: &[&str]) {
    let at = examples().join(example);
    let arguments = [&["render", "-f", "resource.yaml", "--values", "vault.yaml"], more].concat();
    let output = program(&arguments, &at);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{example}: {stderr}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(!printed.contains("not-a-real") && !stderr.contains("not-a-real"), "{example} shows a value");
    let golden = at.join("expected.yaml");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &printed).unwrap();
    }
    assert_eq!(printed, std::fs::read_to_string(&golden).unwrap(), "{example}");
}

#[test]
fn examples_of_default_plugins_print_what_they_say() {
    check("01-secret", &[]);
    check("02-files", &[]);
    check("04-tls-ingress", &[]);
}

#[test]
fn the_custom_plugin_is_built_packed_tested_and_used_as_an_author_would() {
    let plugin = examples().join("03-custom-plugin/plugin");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("java-keystore");
    let cargo = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--target", "wasm32-unknown-unknown"])
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(&plugin)
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let core = target.join("wasm32-unknown-unknown/release/java_keystore.wasm");
    let component = target.join("component.wasm");
    let (core, component) = (core.to_str().unwrap(), component.to_str().unwrap());
    for arguments in [
        &["plugin", "pack", core, "-o", component] as &[&str],
        &["plugin", "inspect", component],
        &["plugin", "test", "--plugin", component, "cases"],
    ] {
        let output = program(arguments, &plugin);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    }
    check("03-custom-plugin", &["--plugin", &format!("java-keystore={component}")]);
    let output = program(&["plugin", "inspect", core], &plugin);
    assert_eq!(output.status.code(), Some(1), "a core module is no plugin");
}

fn lint(manifest: &str, exit: i32, expected: &str) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lint-{}.yaml", manifest.len()));
    std::fs::write(&file, manifest).unwrap();
    let output = program(&["lint", "-f", file.to_str().unwrap()], &examples());
    let printed = String::from_utf8(output.stdout).unwrap().replace(file.to_str().unwrap(), "FILE");
    assert_eq!(output.status.code(), Some(exit), "{printed}");
    assert!(printed.contains(expected), "{expected:?} is not in\n{printed}");
}

#[test]
fn lint_says_file_line_and_path() {
    let resource = |vault: &str, output: &str| {
        format!(
            "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: x}}\nspec:\n  vault:\n    name: {vault}\n    object: {{name: s, type: secret}}\n  output: {output}\n"
        )
    };
    lint(&resource("shop-prod", "{secret: {name: s, dataKey: k}}"), 0, "");
    lint(&resource("a.b", "{secret: {name: s, dataKey: k}}"), 1, "FILE:6: error InvalidSpec: spec.vault.name: ");
    lint(&resource("shop-prod", "{secret: {name: s, datakey: k}}"), 1, "did you mean dataKey?");
    lint(
        &resource("shop-prod", "{transform: [nothing], secret: {name: s, dataKey: k}}"),
        1,
        "FILE:8: error PluginNotFound: ",
    );
    lint("a: [", 1, "this is not YAML");
}

#[test]
fn exit_codes_tell_usage_and_vault_from_a_wrong_resource() {
    let at = examples().join("01-secret");
    let code = |arguments: &[&str]| program(arguments, &at).status.code();
    assert_eq!(code(&["lint"]), Some(2));
    assert_eq!(code(&["lint", "-f", "no-such-file.yaml"]), Some(2));
    assert_eq!(code(&["render", "-f", "resource.yaml", "--values", "../02-files/vault.yaml"]), Some(0));
    let empty = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty.yaml");
    std::fs::write(&empty, "vaults: []\n").unwrap();
    assert_eq!(code(&["render", "-f", "resource.yaml", "--values", empty.to_str().unwrap()]), Some(3));
}
