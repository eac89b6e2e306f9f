//! How a stranger hands manifests in, and in which form answers come out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-input").join(name);
    let _there_or_not = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn program(at: &Path, arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akv2k8s"));
    command.args(arguments).current_dir(at).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The program may end before it has read everything.
    let _written = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

/// Ends with `exit`, prints `stdout`, and says something with `stderr` in it.
fn check(at: &Path, arguments: &[&str], stdin: &str, exit: i32, stdout: &str, stderr: &str) {
    let output = program(at, arguments, stdin);
    let (printed, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), printed.as_str()), (Some(exit), stdout), "{arguments:?}: {said}");
    assert!(said.contains(stderr), "{arguments:?}: {stderr:?} is not in\n{said}");
}

fn resource(vault: &str) -> String {
    format!(
        "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: x}}\nspec:\n  vault: {{name: {vault}, object: {{name: s, type: secret}}}}\n  output: {{secret: {{name: s, dataKey: k}}}}\n"
    )
}

const VAULT_NAME: &str = "error InvalidSpec: spec.vault.name: a vault name is 3 to 24 letters, digits and single hyphens, beginning with a letter and ending with a letter or digit";
const VALUES: &str = "vaults: [{name: shop-prod, secrets: [{name: s, value: hunter2}]}]\n";

#[test]
fn stdin_is_called_by_a_hyphen_and_has_lines() {
    let at = dir("stdin");
    check(&at, &["lint", "-f", "-"], &resource("shop-prod"), 0, "", "0 errors, 0 warnings; 1 resource could be read");
    check(&at, &["lint", "-f", "-"], &resource("a.b"), 1, &format!("-:5: {VAULT_NAME}\n"), "1 error, ");
    std::fs::write(at.join("values.yaml"), VALUES).unwrap();
    let output = program(&at, &["render", "-f", "-", "--values", "values.yaml"], &resource("shop-prod"));
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("k: '*** (7 bytes)'"));
}

#[test]
fn documents_of_a_file_and_items_of_a_list_have_their_own_lines() {
    let at = dir("documents");
    let text = format!("# two\n{}---\n{}---\n", resource("shop-prod"), resource("a.b"));
    std::fs::write(at.join("two.yaml"), text).unwrap();
    check(
        &at,
        &["lint", "-f", "two.yaml"],
        "",
        1,
        &format!("two.yaml:13: {VAULT_NAME}\n"),
        "2 resources could be read",
    );
    let item = resource("a.b").replace('\n', "\n  ");
    std::fs::write(at.join("list.yaml"), format!("apiVersion: v1\nkind: List\nitems:\n- {item}")).unwrap();
    check(
        &at,
        &["lint", "-f", "list.yaml"],
        "",
        1,
        &format!("list.yaml:8: {VAULT_NAME}\n"),
        "1 resource could be read",
    );
}

#[test]
fn a_directory_stands_for_its_manifests_and_an_empty_one_is_a_mistake() {
    let at = dir("directory");
    std::fs::create_dir_all(at.join("all/deeper")).unwrap();
    std::fs::create_dir_all(at.join("none")).unwrap();
    std::fs::write(at.join("all/b.yaml"), resource("a.b")).unwrap();
    std::fs::write(at.join("all/a.yml"), resource("shop-prod")).unwrap();
    std::fs::write(at.join("all/notes.txt"), "no manifest").unwrap();
    std::fs::write(at.join("all/deeper/c.yaml"), resource("c.d")).unwrap();
    check(&at, &["lint", "-f", "all"], "", 1, &format!("all/b.yaml:5: {VAULT_NAME}\n"), "2 resources could be read");
    check(&at, &["lint", "-f", "none"], "", 2, "", "none: there is no .yaml, .yml or .json file in this directory");
    check(&at, &["lint", "-f", "missing"], "", 2, "", "missing: No such file or directory");
}

#[test]
fn what_is_no_manifest_is_said_with_its_line() {
    let at = dir("broken");
    let lint = |text: &str, stdout: &str| check(&at, &["lint", "-f", "-"], text, 1, stdout, "");
    lint("a: 1\nb: [\nc: 2\n", "-:3: error InvalidSpec: this is not YAML: invalid indentation\n");
    lint(
        "\nplain: text\n",
        "-:2: error InvalidSpec: this is no Kubernetes resource: apiVersion and kind are missing\n",
    );
    let older = resource("shop-prod").replace("v2beta1", "v3");
    lint(
        &older,
        "-:1: error InvalidSpec: apiVersion: AzureKeyVaultSecret has no version \"v3\"; use v1, v1alpha1, v2alpha1, v2beta1\n",
    );
}

#[test]
fn the_namespace_of_a_resource_that_names_none_can_be_given() {
    let at = dir("namespace");
    std::fs::write(at.join("r.yaml"), resource("shop-prod")).unwrap();
    std::fs::write(at.join("values.yaml"), VALUES).unwrap();
    std::fs::write(at.join("policy.yaml"), "vaultAccess: [{namespaces: [shop]}]\n").unwrap();
    let lint = ["lint", "-f", "r.yaml", "--vault-access-policy", "policy.yaml"];
    let denied = "r.yaml:5: error NotAllowed: spec.vault: the vaultAccess policy does not let namespace default read secret s of vault shop-prod: ask an administrator for a grant\n";
    check(&at, &lint, "", 1, denied, "");
    check(&at, &[lint.as_slice(), &["-n", "shop"]].concat(), "", 0, "", "");
    let output = program(&at, &["render", "-f", "r.yaml", "-n", "shop", "--values", "values.yaml"], "");
    assert!(String::from_utf8(output.stdout).unwrap().contains("namespace: shop"));
}

#[test]
fn reports_and_manifests_come_as_yaml_and_json() {
    let at = dir("forms");
    std::fs::write(at.join("r.yaml"), resource("a.b")).unwrap();
    let finding = serde_json::json!([{
        "file": "r.yaml", "line": 5, "resource": "AzureKeyVaultSecret x", "severity": "error", "reason": "InvalidSpec",
        "path": "spec.vault.name", "message": VAULT_NAME.rsplit_once(": ").unwrap().1,
    }]);
    let stdout = |arguments: &[&str], exit: i32| {
        let output = program(&at, arguments, "");
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let yaml = |text: &str| serde_yaml_ng::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(json(&stdout(&["lint", "-f", "r.yaml", "-o", "json"], 1)), finding);
    assert_eq!(yaml(&stdout(&["lint", "-f", "r.yaml", "-o", "yaml"], 1)), finding);

    std::fs::write(at.join("good.yaml"), resource("shop-prod")).unwrap();
    std::fs::write(at.join("values.yaml"), VALUES).unwrap();
    let render = ["render", "-f", "good.yaml", "--values", "values.yaml", "--reveal", "-o"];
    let one = yaml(&stdout(&[render.as_slice(), &["yaml"]].concat(), 0));
    assert_eq!(one["data"]["k"], "aHVudGVyMg==");
    assert_eq!(json(&stdout(&[render.as_slice(), &["json"]].concat(), 0))["items"], serde_json::json!([one]));

    let definitions = json(&stdout(&["crd", "print", "-o", "json"], 0));
    let text = stdout(&["crd", "print"], 0);
    let documents: Vec<serde_json::Value> = text.split("---\n").map(yaml).collect();
    assert_eq!(definitions["items"], serde_json::json!(documents));
    let names: Vec<&str> = documents.iter().filter_map(|d| d["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["azurekeyvaultsecrets.spv.no", "azurekeyvaultplugins.spv.no"]);

    std::fs::write(at.join("trim.wasm"), akv_defaults::wasm("trim").unwrap()).unwrap();
    for (form, read) in [("json", &json as &dyn Fn(&str) -> serde_json::Value), ("yaml", &yaml)] {
        let about = read(&stdout(&["plugin", "inspect", "trim.wasm", "-o", form], 0));
        assert_eq!((&about["kind"], &about["imports"]), (&"transform".into(), &serde_json::json!([])), "{form}");
        let case = "case: it trims\nplugin: trim\ninput: {text: ' x '}\nexpect: {output: {text: x}}\n";
        std::fs::write(at.join("case.yaml"), case).unwrap();
        let results = read(&stdout(&["plugin", "test", "case.yaml", "-o", form], 0));
        assert_eq!(
            (results[0]["case"].as_str(), &results[0]["why"]),
            (Some("case.yaml: it trims"), &serde_json::Value::Null)
        );
    }
}
