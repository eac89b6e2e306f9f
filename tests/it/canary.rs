//! A value that must be in its target and nowhere else.

use akv_tests::world::PATIENCE;
use akv_tests::{Component, World, program, wait_for};
use k8s_openapi::api::events::v1::Event;
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use tokio::process::Child;

const CANARY: &str = "canary-5b1f0e7a9c3d";
/// The beginning of it in base64.
const ENCODED: &str = "Y2FuYXJ5LTViMWYwZTdhOWMzZ";

fn check(place: &str, text: &str) {
    assert!(text.len() > 100, "{place} is empty");
    assert!(!text.contains(CANARY) && !text.contains(ENCODED), "the value is in the {place}");
    println!("{place}: {} bytes without the value", text.len());
}

#[tokio::test]
async fn a_value_is_in_its_target_and_nowhere_else() {
    let objects = format!(
        "  secrets:\n  - {{name: plain, value: '{CANARY}'}}\n  - {{name: json, value: '{{\"a\": \"{CANARY}'}}\n"
    );
    let world = World::start("canary", &objects, &["--azure-resync-period", "1", "--log-level", "trace"]).await;
    let mark = world.namespace.cluster().audit_mark().await;
    world.apply_secret("good", "plain", "{secret: {name: good, dataKey: v}}").await;
    world.until_value("good", "v", CANARY).await;
    // Everything that can go wrong beside a value: a transform, a template, a parser, a bad key, a refused target.
    world.apply_secret("transform", "plain", "{transform: [base64decode], secret: {name: a, dataKey: v}}").await;
    world
        .apply_secret(
            "field",
            "json",
            "{pipeline: [{plugin: json-field, config: {pointer: /a}}], secret: {name: b, dataKey: v}}",
        )
        .await;
    world.apply_secret("tls", "plain", "{secret: {name: c, type: kubernetes.io/tls}}").await;
    world.apply_secret("docker", "plain", "{secret: {name: d, type: kubernetes.io/dockerconfigjson}}").await;
    world
        .apply_secret(
            "template",
            "plain",
            "{files: [{path: f, template: \"{{ objects.plain.value.nothing.more }}\"}], secret: {name: e}}",
        )
        .await;
    for (resource, reason) in [
        ("transform", "InvalidInput"),
        ("field", "InvalidInput"),
        ("tls", "InvalidInput"),
        ("docker", "TargetRefused"),
        ("template", "InvalidInput"),
    ] {
        world.until(resource, reason).await;
    }
    check("log", &world.controller.log());
    check("metrics", &world.controller.metrics().await);
    let resources = world.api::<akv_api::AzureKeyVaultSecret>().list(&Default::default()).await.expect("a list");
    check("resources with their status", &serde_json::to_string(&resources.items).expect("JSON"));
    let events = world.api::<Event>().list(&Default::default()).await.expect("a list");
    assert!(events.items.len() >= 6, "there are events to look at");
    check("events", &serde_json::to_string(&events.items).expect("JSON"));

    // Whatever the controller sent and the API server answered, errors included; its targets are where the value belongs.
    let audit = world.namespace.cluster().audit_since(mark).await;
    let ours = audit.iter().filter(|e| e.namespace() == world.namespace.name());
    let (targets, others): (Vec<_>, Vec<_>) = ours.partition(|e| e.is_write() && e.resource() == "secrets");
    let text = |events: &[&akv_tests::AuditEvent]| events.iter().map(|e| e.line.as_str()).collect::<String>();
    assert!(text(&targets).contains(ENCODED), "the audit log holds what is written, or it shows nothing");
    assert!(others.iter().any(|e| e.resource() == "azurekeyvaultsecrets/status" && !e.request_object.is_null()));
    check("audit log but for the targets", &text(&others));
    let refused: Vec<_> = targets.iter().filter(|e| e.code() >= 400).map(|e| e.answer()).collect();
    assert!(!refused.is_empty(), "the API server refused a target");
    let refused = refused.join("\n");
    println!("error texts of the API server: {refused}");
    assert!(!refused.contains(CANARY) && !refused.contains(ENCODED));
}

#[tokio::test]
async fn render_shows_a_value_only_when_it_is_asked_to() {
    let objects = format!("  secrets:\n  - {{name: plain, value: '{CANARY}'}}\n");
    let world = World::start("masked", &objects, &[]).await;
    let output = |output: &str| {
        format!(
            "apiVersion: spv.no/v2beta1\nkind: AzureKeyVaultSecret\nmetadata: {{name: r}}\nspec:\n  vault: {{name: shop-prod, object: {{name: plain, type: secret}}}}\n  output: {output}\n---\n"
        )
    };
    // What works, to both kinds of target, and what goes wrong beside a value.
    let manifests = [
        "{secret: {name: a, dataKey: v}, configMap: {name: a, dataKey: v}}",
        "{files: [{path: f, template: \"x={{ objects.plain.value }}\"}], secret: {name: b}}",
        "{transform: [base64decode], secret: {name: c, dataKey: v}}",
        "{secret: {name: d, type: kubernetes.io/tls}}",
    ];
    let file = world.vault.directory().join("render.yaml");
    std::fs::write(&file, manifests.map(output).concat()).expect("the folder is the vault's");
    let render = |more: &'static [&'static str]| {
        let mut command = program::command("akv2k8s");
        command.args(["render", "-f"]).arg(&file).args(more).envs(world.environment().iter().cloned());
        async move {
            let ran = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends");
            let ran = ran.expect("the program starts");
            String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
        }
    };
    let masked = render(&[]).await;
    assert!(masked.contains("name: a") && masked.contains("name: b") && masked.contains("error"), "{masked}");
    check("output of render", &masked);
    check("output of render as JSON", &render(&["-o", "json"]).await);
    let revealed = render(&["--reveal"]).await;
    assert!(revealed.contains(ENCODED) || revealed.contains(CANARY), "{revealed}");
}

/// `command` with a core file of any size allowed by its parent, in a folder of its own.
fn start_with_cores(command: &Command, dir: &Path) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited && exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    tokio::process::Command::from(shell).kill_on_drop(true).spawn().expect("sh starts")
}

fn fresh(dir: PathBuf) -> PathBuf {
    std::fs::create_dir_all(&dir).expect("a folder can be made");
    dir
}

fn files(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).expect("it is there").map(|entry| entry.expect("it can be read").path()).collect()
}

#[tokio::test]
async fn a_controller_that_crashes_leaves_no_core() {
    let objects = format!("  secrets:\n  - {{name: plain, value: '{CANARY}'}}\n");
    let mut world = World::start("core", &objects, &["--azure-resync-period", "1"]).await;
    world.controller.kill();
    world.apply_secret("r", "plain", "{secret: {name: t, dataKey: v}}").await;
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").expect("this is Linux");
    println!("core_pattern is {}", pattern.trim());
    for signal in [Signal::SEGV, Signal::ABORT] {
        // Does the machine write cores at all?
        let dir = fresh(world.vault.directory().join(format!("sleep-{}", signal.as_raw())));
        let mut sleep = Command::new("sleep");
        sleep.arg("600");
        let mut sleeper = start_with_cores(&sleep, &dir);
        wait_for("sleep to run", PATIENCE, || async { runs(&sleeper, "sleep").then_some(()) }).await;
        let control = crash(&mut sleeper, signal).await.core_dumped();
        println!("{signal:?}: sleep dumped core: {control}, {} files", files(&dir).len());
        if !control {
            println!("this machine writes no cores, so the rest shows little");
        }

        let dir = fresh(world.vault.directory().join(format!("controller-{}", signal.as_raw())));
        world.end_lease().await;
        let mut command = program::command("akv2k8s");
        let kubeconfig = world.namespace.kubeconfig(Component::Controller).await;
        command.args(["controller", "--watch-all-namespaces=false", "--http-address=127.0.0.1", "--http-port=0"]);
        command.args(["--azure-resync-period=1"]).env("KUBECONFIG", kubeconfig);
        command.env("RUNTIME_NAMESPACE", world.namespace.name()).envs(world.environment().iter().cloned());
        let mut controller = start_with_cores(&command, &dir);
        // It has had the value in its memory when the target holds it.
        let value = format!("{CANARY} {}", signal.as_raw());
        world.vault.set_secret("shop-prod", "plain", &value);
        world.until_value("t", "v", &value).await;
        let ended = crash(&mut controller, signal).await;
        assert_eq!(ended.signal(), Some(signal.as_raw()), "{ended}");
        assert!(!ended.core_dumped(), "the kernel dumped the memory of the controller");
        assert_eq!(files(&dir), Vec::<PathBuf>::new());
        println!("{signal:?}: the controller dumped no core");
    }
}

/// Whether the process has become this program: `sh` comes first.
fn runs(child: &Child, name: &str) -> bool {
    let pid = child.id().unwrap_or_default();
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)
}

/// Sends the signal until the process ends. The handlers of a Rust program let the first SIGSEGV pass: they return, so that the
/// instruction at fault ends the process at its second try, and here there is none.
async fn crash(child: &mut Child, signal: Signal) -> ExitStatus {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw).expect("it runs");
    let child = Mutex::new(child);
    wait_for(&format!("the end by {signal:?}"), PATIENCE, || async {
        let ended = child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().expect("it is our child");
        if ended.is_none() {
            // It is not reaped before it is looked at again, so the number is its own.
            kill_process(pid, signal).expect("it runs");
        }
        ended
    })
    .await
}
