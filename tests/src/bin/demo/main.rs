//! The demo: a vault, a render without a cluster, then a cluster whose Secret follows the vault. With `--node`: the charts on a
//! node where pods run.

mod node;

use akv_tests::{Cluster, Controller, program, wait_for};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use local_vault::{LocalVault, Options, Seed};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use xtask::layout;

/// The poll period of the demo, in seconds.
const POLL: u64 = 2;
const PATIENCE: Duration = Duration::from_secs(60);

/// The public part of the same certificate in a ConfigMap, beside the examples.
const PUBLIC: &str = "apiVersion: spv.no/v2beta1
kind: AzureKeyVaultSecret
metadata: {name: public, namespace: shop}
spec:
  vault: {name: shop-prod, object: {name: shop-cert, type: certificate}}
  output: {configMap: {name: shop-ca, dataKey: tls.crt}}
";

#[tokio::main]
async fn main() {
    let began = Instant::now();
    let has = |flag: &str| std::env::args().any(|a| a == flag);
    let keep = has("--keep");
    let _installed = rustls::crypto::ring::default_provider().install_default();
    if has("--node") {
        node::run(began, keep).await;
    } else {
        sync(began, keep).await;
    }
    println!("\nEverything is stopped. {:.0} s in all.", began.elapsed().as_secs_f32());
}

async fn sync(began: Instant, keep: bool) {
    let examples = layout::root().join("examples");

    step(began, "A Key Vault and its token service on loopback");
    let vault = LocalVault::start(seed(&examples), Options::default()).await.unwrap_or_else(|e| panic!("{e}"));
    for (name, url) in vault.vaults() {
        println!("  {name}: {url}");
    }
    let mut environment = vault.environment("akv2k8s");
    environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));

    step(began, "What examples/01-secret would produce, with its values masked");
    let resource = examples.join("01-secret/resource.yaml");
    show(program::command("akv2k8s").args(["render", "-f"]).arg(&resource).envs(environment.clone()));

    step(began, "The plugin of examples/03-custom-plugin, built as its author does");
    let plugins = layout::target().join("demo-plugins");
    let sha256 = build_plugin(&examples.join("03-custom-plugin/plugin"), &plugins);
    println!("  java-keystore.wasm");
    println!("  {sha256} (SHA-256)");

    step(began, "A Kubernetes API server; its first build from Go modules takes minutes");
    let cluster = Cluster::own("demo").await;
    println!("  it is there, with a kubeconfig of an administrator");

    step(began, "The controller under its own role, with default and custom plugins");
    let plugin_dir = plugins.display().to_string();
    let poll = POLL.to_string();
    let args = ["--azure-resync-period", poll.as_str(), "--plugin-dir", plugin_dir.as_str()];
    let mut controller = Controller::start_everywhere(&cluster, &environment, &args).await;
    controller.ready().await;
    let plugin = format!(
        "apiVersion: spv.no/v1alpha1\nkind: AzureKeyVaultPlugin\nmetadata: {{name: java-keystore}}\nspec:\n  source: {{file: {{path: java-keystore.wasm, sha256: \"{sha256}\"}}}}\n"
    );
    apply(&cluster, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n").await;
    apply(&cluster, &plugin).await;
    for example in ["01-secret", "02-files", "03-custom-plugin"] {
        let manifest =
            std::fs::read_to_string(examples.join(example).join("resource.yaml")).unwrap_or_else(|e| panic!("{e}"));
        apply(&cluster, &manifest).await;
    }
    apply(&cluster, PUBLIC).await;
    show(cluster.kubectl().args(["wait", "akvs", "--all", "-n", "shop", "--for=condition=Ready", "--timeout=60s"]));

    let client = cluster.admin().await;
    let (secrets, maps) =
        (Api::<Secret>::namespaced(client.clone(), "shop"), Api::<ConfigMap>::namespaced(client, "shop"));
    step(began, "What the examples became (every value here is made up)");
    println!("  Secret db:           password = {:?}", value(&secrets, "db", "password").await);
    let certificate =
        maps.get("shop-ca").await.ok().and_then(|m| m.data).and_then(|mut d| d.remove("tls.crt")).unwrap_or_default();
    println!(
        "  ConfigMap shop-ca:   tls.crt = {} … ({} bytes)",
        certificate.lines().next().unwrap_or_default(),
        certificate.len()
    );
    println!("  Secret app-config:   app.properties, made by a template");
    value(&secrets, "app-config", "app.properties").await.lines().for_each(|line| println!("      {line}"));
    let keystore = secrets.get("app-keystore").await.ok().and_then(|s| s.data).unwrap_or_default();
    for (key, bytes) in keystore {
        println!("  Secret app-keystore: {key}, {} bytes, made by the custom plugin", bytes.0.len());
    }

    step(began, "The vault's db-password is rotated");
    let rotated = Instant::now();
    vault.set_secret("shop-prod", "db-password", "not-a-real-password-2");
    wait_for("the Secret to follow", PATIENCE, || async {
        (value(&secrets, "db", "password").await == "not-a-real-password-2").then_some(())
    })
    .await;
    println!(
        "  Secret db:           password = {:?}\n  {:.1} s later; a poll is {POLL} s",
        value(&secrets, "db", "password").await,
        rotated.elapsed().as_secs_f32()
    );

    step(began, "Try next");
    println!("  cargo xtask demo --keep     leaves all of this running");
    println!("  cargo xtask demo --node     the charts on a node, and injection; as root");
    println!("  cargo xtask cluster up      a cluster of your own, with kubectl");
    println!("  examples/03-custom-plugin   write an output format of your own");
    if keep {
        println!("\nRunning until Ctrl-C. In another terminal:");
        println!("  export KUBECONFIG={}", cluster.admin_kubeconfig().display());
        println!("  {} kubectl get akvs,secrets -n shop", cluster.kubectl().get_program().to_string_lossy());
        println!(
            "  curl -X PUT http://{}/admin/shop-prod/secrets/db-password -d '{{\"value\": \"new\"}}'",
            vault.admin()
        );
        // Without the signal handler Ctrl-C would end the process at once, which stops everything too.
        let _signalled = tokio::signal::ctrl_c().await;
    }
    assert!(controller.stop(), "the controller ends by itself");
}

fn step(began: Instant, what: &str) {
    println!("\n[{:>5.1} s] {what}", began.elapsed().as_secs_f32());
}

/// The seeds of all examples in one: the vault is the same, its objects add up, and of two values the later one counts.
fn seed(examples: &Path) -> Seed {
    let mut whole: Option<Seed> = None;
    for example in layout::folders(examples) {
        let Ok(text) = std::fs::read_to_string(example.join("vault.yaml")) else { continue };
        let seed = Seed::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", example.display()));
        match &mut whole {
            None => whole = Some(seed),
            Some(whole) => {
                whole.identities[0].roles.extend(seed.identities[0].roles.clone());
                for vault in seed.vaults {
                    let newer: Vec<String> = vault.secrets.iter().map(|s| s.name.clone()).collect();
                    whole.vaults[0].secrets.retain(|s| !newer.contains(&s.name));
                    whole.vaults[0].secrets.extend(vault.secrets);
                    whole.vaults[0].certificates.extend(vault.certificates);
                }
            }
        }
    }
    whole.unwrap_or_else(|| panic!("{} holds no vault.yaml", examples.display()))
}

/// Builds the plugin's workspace, packs its module, and says the component's digest.
fn build_plugin(source: &Path, into: &Path) -> String {
    std::fs::create_dir_all(into).unwrap_or_else(|e| panic!("{}: {e}", into.display()));
    let target = layout::target().join("examples");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--target", "wasm32-unknown-unknown", "--target-dir"]).arg(&target);
    run(cargo.current_dir(source).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS"));
    let component: PathBuf = into.join("java-keystore.wasm");
    let module = target.join("wasm32-unknown-unknown/release/java_keystore.wasm");
    run(program::command("akv2k8s")
        .args(["plugin", "pack"])
        .arg(module)
        .arg("-o")
        .arg(&component)
        .stdout(Stdio::null()));
    let inspected = program::command("akv2k8s").args(["plugin", "inspect", "-o", "json"]).arg(&component).output();
    let json =
        inspected.ok().and_then(|o| serde_json::from_slice::<serde_json::Value>(&o.stdout).ok()).unwrap_or_default();
    json["digest"].as_str().unwrap_or_else(|| panic!("no digest in {json}")).to_owned()
}

async fn apply(cluster: &Cluster, manifest: &str) {
    let mut kubectl = cluster.kubectl();
    kubectl.args(["apply", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = kubectl.spawn().unwrap_or_else(|e| panic!("{e}"));
    if let Some(mut stdin) = child.stdin.take() {
        std::io::Write::write_all(&mut stdin, manifest.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    }
    let ended = child.wait_with_output().unwrap_or_else(|e| panic!("{e}"));
    assert!(ended.status.success(), "kubectl apply failed");
    String::from_utf8_lossy(&ended.stdout).lines().for_each(|line| println!("  {line}"));
}

async fn value(secrets: &Api<Secret>, name: &str, key: &str) -> String {
    let found = secrets.get_opt(name).await.ok().flatten().and_then(|s| s.data).and_then(|mut d| d.remove(key));
    found.map(|v| String::from_utf8_lossy(&v.0).into_owned()).unwrap_or_default()
}

/// Runs a command and prints what it says, indented.
fn show(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{e}"));
    String::from_utf8_lossy(&output.stdout).lines().for_each(|line| println!("  {line}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn run(command: &mut Command) {
    let ended = command.status();
    assert!(ended.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {ended:?}");
}
