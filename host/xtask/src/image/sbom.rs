//! The bill of materials of an image: every crate whose code is in its program, as CycloneDX 1.6.

use crate::process::{self, cargo};
use crate::{Failure, Outcome, layout};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Where it lies in an image.
pub const PATH: &str = "/sbom.cdx.json";
/// What the default plugins are compiled for, before they are compiled again for the machine.
const PLUGINS: &str = "wasm32-unknown-unknown";

/// Something whose code is in a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    licence: String,
    ours: bool,
}

/// Of the program of `package`, with the features that it has when it is built alone.
pub fn of(package: &str, program: &str, version: &str, target: &str) -> Outcome<Vec<u8>> {
    let root = layout::root();
    let mut crates = tree(&root, &["--package", package], target)?;
    // Each program embeds the default plugins; what their crates are made of is in it too.
    crates.extend(tree(&root.join("plugins"), &["--workspace"], PLUGINS)?);
    // The image's list of authorities is this crate's.
    let roots = tree(&root, &["--package", "xtask"], target)?;
    crates.extend(roots.into_iter().filter(|found| found.name == "webpki-root-certs"));
    crates.insert(standard_library()?);
    Ok(document(program, version, target, &crates).to_string().into_bytes())
}

/// The crates below the packages whose code is linked: no test, no build script, no macro.
fn tree(dir: &Path, packages: &[&str], target: &str) -> Outcome<BTreeSet<Crate>> {
    let mut command = cargo();
    command.current_dir(dir).args([
        "tree",
        "--quiet",
        "--locked",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
    ]);
    command.args(["--format", "{p}|{l}", "--target", target]).args(packages);
    process::read(&mut command)?.lines().filter(|line| !line.is_empty()).map(parse).collect()
}

/// A line such as `serde v1.0.2|MIT OR Apache-2.0` or `akv-core v0.1.0 (/src/host/akv-core)|Apache-2.0 (*)`.
fn parse(line: &str) -> Outcome<Crate> {
    let wrong = || Failure::new(format!("cargo tree printed a line of another form: {line}"));
    let (what, licence) = line.trim_end_matches(" (*)").split_once('|').ok_or_else(wrong)?;
    let mut words = what.split(' ');
    let (Some(name), Some(version)) = (words.next(), words.next()) else { return Err(wrong()) };
    Ok(Crate {
        name: name.to_owned(),
        version: version.strip_prefix('v').ok_or_else(wrong)?.to_owned(),
        // The form from before there were expressions.
        licence: licence.replace('/', " OR "),
        ours: words.any(|word| word.starts_with('(')),
    })
}

fn standard_library() -> Outcome<Crate> {
    let said = process::read(Command::new("rustc").arg("--version"))?;
    let version = said.split(' ').nth(1).ok_or_else(|| Failure::new(format!("rustc --version said {said}")))?;
    Ok(Crate {
        name: "std".to_owned(),
        version: version.to_owned(),
        licence: "MIT OR Apache-2.0".to_owned(),
        ours: true,
    })
}

/// Without a time and a serial number: the same crates are the same bytes.
fn document(program: &str, version: &str, target: &str, crates: &BTreeSet<Crate>) -> Value {
    let components: Vec<Value> = crates.iter().map(component).collect();
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": program, "name": program, "version": version,
                "licenses": [{"expression": "Apache-2.0"}],
            },
            "properties": [{"name": "akv2k8s:target", "value": target}],
        },
        "components": components,
    })
}

fn component(found: &Crate) -> Value {
    let Crate { name, version, licence, ours } = found;
    let mut component = json!({
        "type": "library", "bom-ref": format!("{name}@{version}"), "name": name, "version": version,
    });
    if !licence.is_empty() {
        component["licenses"] = json!([{"expression": licence}]);
    }
    if !ours {
        component["purl"] = json!(format!("pkg:cargo/{name}@{version}"));
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_tree_is_a_crate() {
        let check = |line, name: &str, version: &str, licence: &str, ours| {
            let (name, version, licence) = (name.to_owned(), version.to_owned(), licence.to_owned());
            assert_eq!(parse(line).expect("a crate"), Crate { name, version, licence, ours });
        };
        check("serde v1.0.2|MIT OR Apache-2.0", "serde", "1.0.2", "MIT OR Apache-2.0", false);
        check("matchers v0.2.0|MIT/Apache-2.0 (*)", "matchers", "0.2.0", "MIT OR Apache-2.0", false);
        check("akv-core v0.1.0 (/src/host/akv-core)|Apache-2.0", "akv-core", "0.1.0", "Apache-2.0", true);
        assert!(parse("error: no such package").is_err());
    }

    /// The names in the bill of a program's package.
    fn names(package: &str, program: &str) -> BTreeSet<String> {
        let bytes = of(package, program, "0.1.0", "x86_64-unknown-linux-musl").expect("cargo knows the package");
        assert_eq!(bytes, of(package, program, "0.1.0", "x86_64-unknown-linux-musl").expect("and again"));
        let bill: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(bill["metadata"]["component"]["name"], program);
        let components = bill["components"].as_array().expect("components").iter();
        components
            .map(|component| {
                assert!(!component["licenses"][0]["expression"].as_str().unwrap_or_default().is_empty(), "{component}");
                component["name"].as_str().expect("a name").to_owned()
            })
            .collect()
    }

    #[test]
    fn a_bill_names_what_is_linked_and_nothing_else() {
        let controller = names("akv", "akv2k8s");
        // The compiler of plugins, a library in C, a crate that only plugins use, and the standard library.
        for name in ["akv-core", "kube-client", "cranelift-codegen", "ring", "minijinja", "webpki-root-certs", "std"] {
            assert!(controller.contains(name), "{name}");
        }
        let executable = names("akv-injector", "azure-keyvault-env");
        for name in ["akv-plugin", "wasmtime", "ring", "minijinja", "zstd-sys"] {
            assert!(executable.contains(name), "{name}");
        }
        // Of tests, of build scripts, of macros, and of the other program.
        for name in ["local-vault", "cranelift-codegen", "wit-component", "syn", "kube-client"] {
            assert!(!executable.contains(name), "{name}");
        }
    }
}
