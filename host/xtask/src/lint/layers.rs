//! Who may depend on whom; `host/ARCHITECTURE.md` says why.

use super::say;
use crate::failure::During;
use crate::process::{self, cargo};
use crate::{Outcome, layout};
use serde::Deserialize;
use std::path::Path;

/// Crates that decide; they never reach a network, an engine or a runtime.
const PURE: [&str; 3] = ["akv-api", "akv-core", "akv-wire"];
/// What the pure crates never reach, as names or, with `*`, as beginnings of names.
const OUTSIDE: [&str; 6] = ["tokio", "hyper", "kube-client", "wasmtime*", "azure_*", "reqwest"];
/// What never becomes part of the program that runs in pods: a compiler, and a client of everything.
const NOT_IN_PODS: [&str; 4] = ["cranelift-codegen", "kube-client", "local-vault", "axum"];
/// A dependency, and the only crates that name it.
const HOMES: [(&str, &[&str]); 3] =
    [("wasmtime", &["akv-plugin"]), ("azure_*", &["akv-vault"]), ("kube[client]", &["akv", "akv-tests"])];
/// TLS and crypto providers besides ring.
const FOREIGN_CRYPTO: [&str; 3] = ["aws-lc-rs", "aws-lc-sys", "openssl-sys"];

/// Looks at every layer.
pub fn check() -> Outcome<bool> {
    let mut faults = Vec::new();
    for package in PURE {
        faults.extend(reached(package, &tree("normal,build", &["-p", package])?, &OUTSIDE));
    }
    // The build script of the default plugins compiles; that stays on the machine that builds.
    faults.extend(reached("akv-injector", &tree("normal", &["-p", "akv-injector"])?, &NOT_IN_PODS));
    faults.extend(reached("the workspace", &tree("normal,build", &["--workspace"])?, &FOREIGN_CRYPTO));
    faults.extend(away_from_home(&metadata(&layout::root())?));
    let plugins = layout::root().join("plugins");
    if plugins.join("Cargo.toml").exists() {
        faults.extend(into_the_host(&metadata(&plugins)?, &layout::root().join("host")));
    }
    Ok(say("layers: who depends on whom", &faults))
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    features: Vec<String>,
    path: Option<String>,
}

fn metadata(dir: &Path) -> Outcome<Metadata> {
    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(dir);
    serde_json::from_str(&process::read(&mut command)?).during("cargo metadata")
}

/// Names of all crates that end in the program; cargo resolves the features for these packages alone.
fn tree(edges: &str, packages: &[&str]) -> Outcome<Vec<String>> {
    let mut command = cargo();
    command.args(["tree", "-e", edges, "--prefix", "none", "-f", "{p}"]).args(packages);
    let text = process::read(&mut command)?;
    let mut names: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn matches(name: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |beginning| name.starts_with(beginning))
}

fn reached(who: &str, cone: &[String], forbidden: &[&str]) -> Vec<String> {
    let found = cone.iter().filter(|name| forbidden.iter().any(|pattern| matches(name, pattern)));
    found.map(|name| format!("{who} reaches {name}: `cargo tree -i {name}` shows the way")).collect()
}

fn away_from_home(metadata: &Metadata) -> Vec<String> {
    let mut faults = Vec::new();
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            let client = if dependency.features.iter().any(|f| f == "client") { "[client]" } else { "" };
            let name = format!("{}{client}", dependency.name);
            for (pattern, homes) in HOMES {
                if matches(&name, pattern) && !homes.contains(&package.name.as_str()) {
                    faults.push(format!("{} names {name}; only {} may", package.name, homes.join(" and ")));
                }
            }
        }
    }
    faults
}

fn into_the_host(metadata: &Metadata, host: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    for package in &metadata.packages {
        for dependency in package
            .dependencies
            .iter()
            .filter(|d| d.path.as_ref().is_some_and(|path| Path::new(path).starts_with(host)))
        {
            faults.push(format!(
                "plugins/{} depends on host/{}; a plugin knows nothing but wit/",
                package.name, dependency.name
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependency: &str, features: &[&str], path: Option<&str>) -> Metadata {
        let dependency = Dependency {
            name: dependency.to_owned(),
            features: features.iter().map(|f| (*f).to_owned()).collect(),
            path: path.map(str::to_owned),
        };
        Metadata { packages: vec![Package { name: name.to_owned(), dependencies: vec![dependency] }] }
    }

    #[test]
    fn a_dependency_stays_in_its_home() {
        let check = |name, dependency, features: &[&str], faults| {
            let found = away_from_home(&package(name, dependency, features, None));
            assert_eq!(found.len(), faults, "{found:?}");
        };
        check("akv-plugin", "wasmtime", &[], 0);
        check("akv", "wasmtime", &[], 1);
        check("akv", "azure_core", &[], 1);
        check("akv-api", "kube", &["derive"], 0);
        check("akv-api", "kube", &["derive", "client"], 1);
        check("akv", "kube", &["client"], 0);
    }

    #[test]
    fn what_is_reached_is_named() {
        let cone = ["serde", "tokio", "wasmtime-environ"].map(str::to_owned);
        assert_eq!(reached("akv-core", &cone, &OUTSIDE).len(), 2);
        assert_eq!(reached("akv-core", &cone[..1], &OUTSIDE), Vec::<String>::new());
    }

    #[test]
    fn a_plugin_knows_nothing_of_the_host() {
        let host = Path::new("/src/host");
        assert_eq!(into_the_host(&package("trim", "akv-core", &[], Some("/src/host/akv-core")), host).len(), 1);
        assert!(into_the_host(&package("trim", "pem", &[], Some("/src/plugins/pem")), host).is_empty());
    }
}
