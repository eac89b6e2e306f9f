//! What the application finds: it is as if nothing had run before it.

use crate::container::{CANARY, Container};
use crate::vault::World;
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

fn plain(command: &[&str]) -> Container {
    Container::given("/none".as_ref(), command)
}

/// A script in a container whose variable `V` comes from the vault: threads, sockets and handlers have been in use.
async fn after_work(world: &World, script: &str) -> String {
    world.container(&["sh", "-c", script]).variable("V", "db@azurekeyvault").run().await.good()
}

/// The same script with nothing before it.
async fn bare(script: &str) -> String {
    let mut shell = tokio::process::Command::new("sh");
    let output = shell.args(["-c", script]).env_clear().stdin(Stdio::null()).output().await.expect("a shell");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Masks without the signals 32 to 34, which are the C library's own: no application sees or sets them.
fn of_applications(masks: &str) -> Vec<u64> {
    let hex = masks.lines().filter_map(|line| line.split_whitespace().nth(1));
    hex.map(|mask| u64::from_str_radix(mask, 16).expect("a mask") & !(0b111 << 31)).collect()
}

#[tokio::test]
async fn the_container_ends_as_the_application_ends() {
    assert_eq!(plain(&["sh", "-c", "exit 42"]).run().await.code(), Some(42));
    assert_eq!(plain(&["true"]).run().await.code(), Some(0));
    let line = plain(&["no-such-program"]).run().await.failure(127);
    assert!(line.contains("no-such-program"), "{line}");
    let line = plain(&["/etc/passwd"]).run().await.failure(126);
    assert!(line.contains("/etc/passwd"), "{line}");
}

#[tokio::test]
async fn the_program_is_looked_for_in_the_new_path() {
    let world = World::with("path", &[("path", "/usr/bin:/bin")]).await;
    world.resource("path", serde_json::json!({"name": "path", "type": "secret"}));
    let container = world.container(&["sh", "-c", "printf %s $PATH"]);
    assert_eq!(container.variable("PATH", "path@azurekeyvault").run().await.good(), "/usr/bin:/bin");
}

#[tokio::test]
async fn signals_reach_the_application_and_none_is_blocked_or_ignored() {
    let world = World::usual("signals").await;
    let script = "trap 'echo got; exit 7' TERM; echo $$; while :; do sleep 0.1; done";
    let container = world.container(&["sh", "-c", script]).variable("V", "db@azurekeyvault");
    let mut child = container.command().stdout(Stdio::piped()).spawn().expect("it starts");
    let id = child.id().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let first = lines.next_line().await.expect("a line");
    assert_eq!(first, Some(id.to_string()), "the same process");
    let pid = Pid::from_raw(i32::try_from(id).expect("a pid")).expect("a pid");
    kill_process(pid, Signal::TERM).expect("it is ours");
    assert_eq!(lines.next_line().await.expect("a line").as_deref(), Some("got"));
    assert_eq!(child.wait().await.expect("it ends").code(), Some(7));

    let masks = "grep -E '^Sig(Blk|Ign)' /proc/self/status";
    assert_eq!(of_applications(&after_work(&world, masks).await), of_applications(&bare(masks).await));
    let broken = world.container(&["sh", "-c", "kill -PIPE $$"]).variable("V", "db@azurekeyvault");
    let status: ExitStatus = broken.command().status().await.expect("it starts");
    assert_eq!(status.signal(), Some(13), "SIGPIPE ends it");
}

#[tokio::test]
async fn descriptors_limits_and_the_rest_are_as_they_were() {
    let world = World::usual("rest").await;
    let look = "ls /proc/self/fd | wc -l; pwd; umask; ulimit -c; ulimit -n; id -u; grep -E '^(NoNewPrivs|Seccomp|Cpus_allowed|CapEff):' /proc/self/status; readlink /proc/self/fd/0; cat /proc/self/oom_score_adj";
    let found = after_work(&world, look).await;
    let bare = bare(look).await;
    assert_eq!(found, bare);
    let dumpable = after_work(&world, "stat -c %u /proc/self/environ").await;
    assert_eq!(dumpable.trim(), rustix::process::geteuid().as_raw().to_string(), "it may be debugged again");
}

#[tokio::test]
async fn arguments_stay_and_no_value_stands_in_them() {
    let world = World::usual("arguments").await;
    let script = "tr '\\0' '\\n' < /proc/$$/cmdline; echo =====; cat /proc/$$/environ | tr '\\0' '\\n' | grep ^V=";
    let container =
        world.container(&["sh", "-c", script, "name", "--", "-- two", ""]).variable("V", "db@azurekeyvault");
    let printed = container.run().await.good();
    let (line, environment) = printed.split_once("=====\n").expect("two parts");
    assert!(line.starts_with("sh\n-c\n") && line.ends_with("name\n--\n-- two\n\n"), "{line}");
    assert!(!line.contains(CANARY));
    assert_eq!(environment.trim(), format!("V={CANARY}"));
}

#[tokio::test]
async fn standard_input_is_the_applications() {
    let world = World::usual("stdin").await;
    let container = world.container(&["cat"]).variable("V", "db@azurekeyvault");
    let mut child = container.command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(b"through").await.expect("it is open");
    let output = child.wait_with_output().await.expect("it ends");
    assert_eq!(output.stdout, b"through");
}
