//! What the application finds: it is as if nothing had run before it.

use crate::container::{CANARY, Container, variable};
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

    let masks = after_work(&world, "grep -E '^Sig(Blk|Ign)' /proc/self/status").await;
    assert!(masks.lines().all(|line| line.ends_with("\t0000000000000000")), "{masks}");
    let broken = world.container(&["sh", "-c", "kill -PIPE $$"]).variable("V", "db@azurekeyvault");
    let status: ExitStatus = broken.command().status().await.expect("it starts");
    assert_eq!(status.signal(), Some(13), "SIGPIPE ends it");
}

#[tokio::test]
async fn descriptors_limits_and_the_rest_are_as_they_were() {
    let world = World::usual("rest").await;
    let look = "ls /proc/self/fd | wc -l; pwd; umask; ulimit -c; ulimit -n; id -u; grep -E '^(NoNewPrivs|Seccomp|Cpus_allowed|CapEff):' /proc/self/status; readlink /proc/self/fd/0; cat /proc/self/oom_score_adj; grep -c . /proc/self/environ";
    let found = after_work(&world, look).await;
    let mut bare = tokio::process::Command::new("sh");
    bare.args(["-c", look]).env_clear().stdin(Stdio::null());
    let bare = bare.output().await.expect("a shell");
    let bare = String::from_utf8_lossy(&bare.stdout).into_owned();
    let without_environment = |text: &str| text.lines().take(text.lines().count() - 1).collect::<Vec<_>>().join("\n");
    assert_eq!(without_environment(&found), without_environment(&bare));
    let dumpable = after_work(&world, "stat -c %u /proc/self/environ").await;
    assert_eq!(dumpable.trim(), rustix::process::geteuid().as_raw().to_string(), "it may be debugged again");
}

#[tokio::test]
async fn arguments_stay_and_no_value_stands_in_them() {
    let world = World::usual("arguments").await;
    let script = "tr '\\0' '\\n' < /proc/$$/cmdline; echo; cat /proc/$$/environ | tr '\\0' '\\n' | grep ^V=";
    let container =
        world.container(&["sh", "-c", script, "name", "--", "-- two", ""]).variable("V", "db@azurekeyvault");
    let printed = container.run().await.good();
    let (line, environment) = printed.split_once("\n\n").expect("two parts");
    assert!(line.starts_with("sh\n-c\n") && line.ends_with("name\n--\n-- two\n"), "{line}");
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

#[tokio::test]
async fn of_a_variable_that_stands_twice_the_first_counts() {
    let world = World::usual("twice").await;
    // `env` cannot make such an environment, and neither can the library; a program of the kernel's own can.
    let twice = [
        "-c",
        "import os,sys\nlibc=__import__('ctypes').CDLL(None)\nC=__import__('ctypes').c_char_p\na=[x.encode() for x in sys.argv[1:]]\ne=[b'V=db@azurekeyvault',b'V=second']+[f'{k}={v}'.encode() for k,v in os.environ.items()]\nlibc.execve(a[0],(C*(len(a)+1))(*a,None),(C*(len(e)+1))(*e,None))",
    ];
    let file = world.folder.path().join("resources.yaml");
    let mut command = tokio::process::Command::new("python3");
    command.args(twice).arg(crate::container::EXECUTABLE).arg("--resources").arg(file).args(["--", "env", "-0"]);
    let output = command.envs(world.vault.environment("app")).output().await.expect("python3 starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(variable(&printed, "V"), Some(CANARY), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(printed.matches("V=").filter(|_| true).count() - printed.matches("_V=").count(), 1, "{printed}");
}
