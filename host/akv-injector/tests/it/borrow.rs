//! `exec`: what a probe or a person's shell beside the application sees.

use crate::container::{CANARY, Container, EXECUTABLE};
use crate::vault::World;
use local_vault::Fault;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The main process of a container: the oldest in a namespace of mounts of its own.
fn main_process(world: &World) -> Child {
    let file = world.folder.path().join("resources.yaml");
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.arg("--mount").arg(EXECUTABLE).arg("--resources").arg(file).args(["--", "sleep", "300"]);
    command.envs(world.vault.environment("app")).env("V", "db@azurekeyvault").env("G", r"\db@azurekeyvault");
    command.stdin(Stdio::null()).kill_on_drop(true).spawn().expect("unshare starts")
}

/// `exec -- env -0` beside it.
async fn beside(main: &Child) -> std::process::Output {
    let pid = main.id().expect("it runs").to_string();
    let mut command = Command::new("nsenter");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--preserve-credentials"]);
    }
    command.args(["--target", &pid, "--mount", EXECUTABLE, "exec", "--", "env", "-0"]);
    command.env("V", "db@azurekeyvault").env("G", r"\db@azurekeyvault").env("OWN", "1");
    command.output().await.expect("nsenter starts")
}

#[tokio::test]
async fn who_comes_later_sees_what_the_main_process_sees_once_it_is_there() {
    let world = World::usual("borrow").await;
    world.vault.add_fault(Fault { operation: "token".to_owned(), slow_headers: true, ..Fault::default() });
    let main = main_process(&world);
    // The token service has been asked: the main process is ours and has no values.
    let began = Instant::now();
    while world.vault.counters().is_empty() {
        assert!(began.elapsed() < PATIENCE, "the vault is never asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let early = beside(&main).await;
    let said = String::from_utf8_lossy(&early.stderr).into_owned();
    assert_eq!((early.status.code(), said.matches('\n').count()), (Some(1), 1), "{said}");
    assert!(said.contains("main process has not got its values yet"), "{said}");

    world.vault.clear_faults();
    let printed = loop {
        let output = beside(&main).await;
        if output.status.success() {
            break String::from_utf8(output.stdout).expect("UTF-8");
        }
        assert!(began.elapsed() < PATIENCE, "{}", String::from_utf8_lossy(&output.stderr));
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let variable = |name| crate::container::variable(&printed, name);
    assert_eq!((variable("V"), variable("G"), variable("OWN")), (Some(CANARY), Some("db@azurekeyvault"), Some("1")));
}

#[tokio::test]
async fn without_references_there_is_nothing_to_borrow() {
    let printed = Container::new(["exec", "--", "env", "-0"]).variable("A", r"\db@azurekeyvault").run().await.good();
    assert_eq!(crate::container::variable(&printed, "A"), Some("db@azurekeyvault"));
}
