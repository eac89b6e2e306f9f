//! `lint` and the namespaces of a plugin: who may use it is said before anything is applied.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;

const SELECTED: &str = "    namespaces: {matchLabels: {team: shop}}\n";

/// A folder with a plugin, which is a default one under another name, its manifest, and a resource of namespace `shop`.
fn folder(name: &str, namespaces: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lint-plugins").join(name);
    std::fs::create_dir_all(&dir).unwrap();
    let wasm = akv_defaults::wasm("trim").unwrap();
    std::fs::write(dir.join("custom.wasm"), wasm).unwrap();
    let sha256 = hex::encode(Sha256::digest(wasm));
    let plugin = format!(
        "apiVersion: spv.no/v1alpha1\nkind: AzureKeyVaultPlugin\nmetadata: {{name: custom}}\nspec:\n    source: {{file: {{path: custom.wasm, sha256: {sha256}}}}}\n{namespaces}"
    );
    std::fs::write(dir.join("plugin.yaml"), plugin).unwrap();
    let resource = "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {name: x}\nspec:\n  vault: {name: shop-prod, object: {name: s, type: secret}}\n  output:\n    pipeline:\n    - {plugin: custom}\n    secret: {name: s, dataKey: k}\n";
    std::fs::write(dir.join("resource.yaml"), resource).unwrap();
    dir
}

fn namespace(dir: &Path, labels: &str) {
    let text = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {labels}}}\n");
    std::fs::write(dir.join("namespace.yaml"), text).unwrap();
}

/// What `lint` says of the resource, without file, and how it ends.
fn lint(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akv2k8s"));
    command.args(["lint", "-n", "shop", "-f", "resource.yaml", "-f", "plugin.yaml"]).args(arguments);
    let output = command.current_dir(dir).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(" resources could be read"), "{stderr}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

const REFUSED: &str = "resource.yaml:8: error PluginNotFound: spec.output.pipeline[0]: plugin custom may not be used in namespace shop; its AzureKeyVaultPlugin selects namespaces by label\n";
const UNKNOWN: &str = "resource.yaml:8: warning: spec.output.pipeline[0]: plugin custom selects namespaces by label, and neither the files nor --namespace-labels say those of shop: whether it may be used here was not looked at\n";

#[test]
fn a_namespace_among_the_files_says_who_may_use_a_plugin() {
    let dir = folder("files", SELECTED);
    let check = |labels: &str, exit: i32, expected: &str| {
        namespace(&dir, labels);
        assert_eq!(lint(&dir, &["-f", "namespace.yaml"]), (Some(exit), expected.to_owned()), "{labels}");
    };
    check("{team: shop, env: prod}", 0, "");
    check("{team: bank}", 1, REFUSED);
    check("{}", 1, REFUSED);
}

#[test]
fn labels_by_flag_say_the_same_and_win() {
    let dir = folder("flags", SELECTED);
    let check = |arguments: &[&str], exit: i32, expected: &str| {
        assert_eq!(lint(&dir, arguments), (Some(exit), expected.to_owned()), "{arguments:?}");
    };
    check(&["--namespace-labels", "shop:team=shop,env=prod"], 0, "");
    check(&["--namespace-labels", "shop:team=bank"], 1, REFUSED);
    check(&["--namespace-labels", "shop:"], 1, REFUSED);
    namespace(&dir, "{team: bank}");
    check(&["-f", "namespace.yaml", "--namespace-labels", "shop:team=shop"], 0, "");
}

#[test]
fn labels_that_nobody_says_are_a_warning() {
    let dir = folder("unknown", SELECTED);
    assert_eq!(lint(&dir, &[]), (Some(0), UNKNOWN.to_owned()));
    assert_eq!(lint(&dir, &["--namespace-labels", "bank:team=shop"]), (Some(0), UNKNOWN.to_owned()));
    // An operator that no label satisfies needs them as well.
    let dir = folder("absent", "    namespaces: {matchExpressions: [{key: team, operator: DoesNotExist}]}\n");
    assert_eq!(lint(&dir, &[]), (Some(0), UNKNOWN.to_owned()));
}

#[test]
fn the_name_of_a_namespace_is_a_label_that_is_always_known() {
    let by_name = |name: &str| format!("    namespaces: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}\n");
    assert_eq!(lint(&folder("named", &by_name("shop")), &[]), (Some(0), String::new()));
    assert_eq!(lint(&folder("other-named", &by_name("bank")), &[]), (Some(1), REFUSED.to_owned()));
    let dir = folder("named-and-labelled", &by_name("shop"));
    assert_eq!(lint(&dir, &["--namespace-labels", "shop:team=bank"]), (Some(0), String::new()));
    assert_eq!(lint(&folder("everybody", "    namespaces: {}\n"), &[]), (Some(0), String::new()));
}

#[test]
fn a_plugin_that_may_be_used_is_looked_at_and_one_that_may_not_is_not() {
    // `trim` takes no config, so the administrator's own defaults are refused where somebody may use them.
    let dir = folder("looked-at", &format!("{SELECTED}    config: {{left: true}}\n"));
    let (exit, said) = lint(&dir, &["--namespace-labels", "shop:team=shop"]);
    assert_eq!(exit, Some(1));
    assert!(
        said.starts_with("resource.yaml:8: error InvalidConfig: spec.output.pipeline[0]: plugin custom: "),
        "{said}"
    );
    assert_eq!(lint(&dir, &["--namespace-labels", "shop:team=bank"]), (Some(1), REFUSED.to_owned()));
}
