//! What a reader of the pages types, on a node on which nothing of the product was before.

use akv_tests::node::image;
use akv_tests::page::{self, Step};
use akv_tests::release::HOME;
use akv_tests::{Node, Release, program};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use xtask::{layout, setup};

/// Every page with commands, in an order in which somebody may read them: the identity, the installation, then the rest.
const PAGES: [&str; 10] = [
    "examples/install-on-aks.md",
    "examples/install-elsewhere.md",
    "README.md",
    "examples/01-secret/README.md",
    "examples/02-files/README.md",
    "examples/03-custom-plugin/README.md",
    "examples/04-tls-ingress/README.md",
    "examples/05-inject/README.md",
    "examples/06-files-in-a-pod/README.md",
    "examples/moving-from-the-original.md",
];
/// The page whose values the installation has.
const VALUES: &str = "examples/install-elsewhere.md";
/// What the page's Secret holds, and the name by which the page calls it.
const CREDENTIALS: [(&str, &str); 3] =
    [("AZURE_TENANT_ID", "TENANT"), ("AZURE_CLIENT_ID", "APP"), ("AZURE_CLIENT_SECRET", "PASSWORD")];
/// The image of the pods on the pages. The node has no way to a registry.
const IMAGE: &str = "docker.io/library/busybox:1.37";

/// A folder that was empty, with what a checkout has in it, and a shell's environment.
struct Reader {
    dir: PathBuf,
    environment: Vec<(String, String)>,
}

// The vault answers in this process while a command is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_pages_end_with_both_flows_running() {
    let node = Node::bare().await;
    node.import(&image::busybox(), IMAGE).await;
    let release = Release::prepare(node, &vaults()).await;
    let reader = Reader::new(&release).await;
    // What the original would have left, for who moves from it.
    reader.shell(&reader.dir, &left_by_the_original(&reader.dir)).unwrap_or_else(|said| panic!("{said}"));
    for page in PAGES {
        if let Err(said) = reader.follow(page) {
            panic!("{said}\n{}", release.state().await);
        }
    }
}

#[test]
fn every_page_with_commands_is_read() {
    let mut pages = vec![PathBuf::from("README.md")];
    let root = layout::root();
    for dir in layout::folders(&root.join("examples")).into_iter().chain([root.join("examples")]) {
        let relative = |page: PathBuf| page.strip_prefix(&root).expect("it is below the checkout").to_owned();
        pages.extend(layout::files(&dir, "md").into_iter().map(relative));
    }
    let unread: Vec<_> = pages
        .into_iter()
        .filter(|page| !page::steps(&text(&layout::root().join(page))).is_empty())
        .filter(|page| !PAGES.iter().any(|read| Path::new(read) == page))
        .collect();
    assert!(unread.is_empty(), "{unread:?}");
}

impl Reader {
    async fn new(release: &Release) -> Self {
        let dir = release.node.dir().join("reader");
        for part in ["charts", "examples", "wit"] {
            copy(&layout::root().join(part), &dir.join(part), release);
        }
        // Where the tier `examples` has built it already.
        let built = layout::target().join("examples");
        std::fs::create_dir_all(&built).expect("the target has a place for examples");
        symlink(built, dir.join("examples/03-custom-plugin/plugin/target")).expect("the plugin has no target yet");
        std::fs::write(dir.join("values.yaml"), values(release).to_string()).expect("values");
        let bin = dir.join("bin");
        std::fs::create_dir_all(&bin).expect("a folder for programs");
        let helm = tokio::task::spawn_blocking(setup::helm::ensure).await.expect("it does not panic");
        symlink(helm.unwrap_or_else(|failure| panic!("{failure}")), bin.join("helm")).expect("helm");
        symlink(program::path("akv2k8s"), bin.join("akv2k8s")).expect("akv2k8s");
        let kubectl = release.node.cluster().kubectl();
        let words = std::iter::once(kubectl.get_program()).chain(kubectl.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
        std::fs::write(bin.join("kubectl"), format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))).expect("kubectl");
        std::fs::set_permissions(bin.join("kubectl"), PermissionsExt::from_mode(0o755)).expect("it may be run");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut environment = vec![
            ("PATH".to_owned(), format!("{}:{path}", bin.display())),
            ("KUBECONFIG".to_owned(), release.node.cluster().admin_kubeconfig().display().to_string()),
        ];
        for kind in ["CACHE", "CONFIG", "DATA"] {
            environment.push((format!("HELM_{kind}_HOME"), dir.join("helm").display().to_string()));
        }
        let known = release.vault.environment("injector");
        for (variable, name) in CREDENTIALS {
            let (_, value) = known.iter().find(|(known, _)| known == variable).expect("the vault says it");
            environment.push((name.to_owned(), value.clone()));
        }
        Self { dir, environment }
    }

    /// Does what a page says, and prints what each command took. The page of an example is read in its folder.
    fn follow(&self, page: &str) -> Result<(), String> {
        let inside = page.ends_with("/README.md");
        let mut place = if inside { self.dir.join(page).with_file_name("") } else { self.dir.clone() };
        let began = Instant::now();
        for step in page::steps(&text(&layout::root().join(page))) {
            let named = format!("{page}:{}", step.line);
            if let Some(program) = step.elsewhere() {
                println!("{named:<42} not here ({program})  {}", step.command);
                continue;
            }
            if let Some(to) = step.command.strip_prefix("cd ") {
                place.push(to);
                continue;
            }
            let at = Instant::now();
            let done = self.shell(&place, &step.command).and_then(|printed| judged(&step, &printed));
            done.map_err(|said| format!("{named}: {}\n{said}", step.command))?;
            println!("{named:<42} {:>6.1} s  {}", at.elapsed().as_secs_f32(), step.command);
        }
        println!("{page:<42} {:>6.1} s  in all", began.elapsed().as_secs_f32());
        Ok(())
    }

    /// What a command prints, or what it says when it fails.
    fn shell(&self, place: &Path, command: &str) -> Result<String, String> {
        let mut shell = Command::new("sh");
        shell.args(["-euc", command]).current_dir(place).envs(self.environment.iter().map(|(n, v)| (n, v)));
        // The plugin's own build is not ours.
        shell.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
        let output = shell.output().map_err(|error| format!("sh: {error}"))?;
        let [printed, said] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        if output.status.success() { Ok(printed) } else { Err(format!("{}: {printed}{said}", output.status)) }
    }
}

fn judged(step: &Step, printed: &str) -> Result<(), String> {
    let missing = step.missing(printed);
    if missing.is_empty() { Ok(()) } else { Err(format!("it did not print {missing:?} but\n{printed}")) }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(text).map(Value::deserialize);
    documents.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Copies a folder as it is in the checkout. Pods get the addresses of the vault, which DNS knows of a real one.
fn copy(from: &Path, to: &Path, release: &Release) {
    std::fs::create_dir_all(to).unwrap_or_else(|error| panic!("{}: {error}", to.display()));
    for entry in std::fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())).flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" {
                copy(&path, &to.join(name), release);
            }
        } else if name == "deployment.yaml" {
            let mut deployment = documents(&text(&path)).swap_remove(0);
            let template = &mut deployment["spec"]["template"];
            *template = release.reaching_vaults(template.take());
            std::fs::write(to.join(name), deployment.to_string()).expect("a Deployment");
        } else {
            std::fs::copy(&path, to.join(name)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

/// The objects of every example in one vault; of two secrets of a name the later counts.
fn vaults() -> String {
    let (mut secrets, mut certificates) = (Map::new(), Vec::new());
    for example in layout::folders(&layout::root().join("examples")) {
        let seed = documents(&text(&example.join("vault.yaml"))).swap_remove(0);
        let vault = &seed["vaults"][0];
        assert_eq!(vault["name"], "shop-prod", "{}", example.display());
        for secret in vault["secrets"].as_array().into_iter().flatten() {
            secrets.insert(secret["name"].as_str().unwrap_or_default().to_owned(), secret.clone());
        }
        certificates.extend(vault["certificates"].as_array().into_iter().flatten().cloned());
    }
    let secrets: Vec<Value> = secrets.into_iter().map(|(_, secret)| secret).collect();
    format!("vaults: {}\n", json!([{"name": "shop-prod", "secrets": secrets, "certificates": certificates}]))
}

/// The values of the page, and what a vault on this machine needs besides: its addresses and its authority.
fn values(release: &Release) -> Value {
    let page = page::blocks(&text(&layout::root().join(VALUES)), "yaml").swap_remove(0);
    let mut values = release.values();
    for part in ["controller", "env_injector"] {
        let env = values[part]["env"].as_object_mut().expect("the parts have variables");
        env.retain(|name, _| CREDENTIALS.iter().all(|(variable, _)| variable != name));
    }
    merge(&mut values, documents(&page).swap_remove(0));
    values
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.into_iter().for_each(|(name, value)| merge(into.entry(name).or_insert(Value::Null), value));
        }
        (into, from) => *into = from,
    }
}

/// A command that makes the Secret with the authority, as the original's chart does.
fn left_by_the_original(dir: &Path) -> String {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate");
    let folder = dir.join("original");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, pem) in [("tls.crt", certificate.pem()), ("tls.key", key.serialize_pem())] {
        std::fs::write(folder.join(name), pem).expect("a file");
    }
    format!("kubectl create secret generic akv2k8s-envinjector-ca --namespace {HOME} --from-file=original")
}
