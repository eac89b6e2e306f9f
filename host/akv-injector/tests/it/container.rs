//! The executable as a container's runtime starts it: an environment of its own, and what came of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

/// What no line of the executable may ever hold.
pub const CANARY: &str = "canary-6b1f";

pub const EXECUTABLE: &str = env!("CARGO_BIN_EXE_azure-keyvault-env");
/// Longer than the executable's own deadline.
const PATIENCE: Duration = Duration::from_secs(150);

/// A command line and an environment.
#[derive(Default)]
pub struct Container {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Container {
    /// With these arguments.
    pub fn new<T: AsRef<OsStr>>(arguments: impl IntoIterator<Item = T>) -> Self {
        let arguments = arguments.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Self { arguments, environment: Vec::new() }.variable("PATH", "/usr/local/bin:/usr/bin:/bin")
    }

    /// `--resources FILE -- COMMAND`.
    pub fn given(file: &Path, command: &[&str]) -> Self {
        let before = [OsStr::new("--resources"), file.as_os_str(), OsStr::new("--")];
        Self::new(before.into_iter().chain(command.iter().map(OsStr::new)))
    }

    /// With one more variable.
    pub fn variable(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// With more variables.
    pub fn variables<T: AsRef<OsStr>>(self, more: impl IntoIterator<Item = (T, T)>) -> Self {
        more.into_iter().fold(self, |all, (name, value)| all.variable(name, value))
    }

    /// As it is started.
    pub fn command(&self) -> Command {
        let mut command = Command::new(EXECUTABLE);
        command.args(&self.arguments).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs it to its end. Our own line is one line and holds no value.
    pub async fn run(&self) -> Ended {
        let output = tokio::time::timeout(PATIENCE, self.command().output()).await;
        Ended(output.expect("it ends in time").expect("it starts"))
    }
}

/// How it ended.
pub struct Ended(Output);

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// The application's output; it ended well.
    pub fn good(&self) -> String {
        assert_eq!((self.code(), self.stderr().as_str()), (Some(0), ""), "{}", self.stdout());
        self.stdout()
    }

    /// The one line of a failure, without our name. The application was not started.
    pub fn failure(&self, code: i32) -> String {
        let said = self.stderr();
        assert!(!said.contains(CANARY), "a value was shown: {said}");
        assert_eq!((self.code(), self.stdout().as_str()), (Some(code), ""), "{said}");
        assert_eq!(said.matches('\n').count(), 1, "one line: {said}");
        let line = said.strip_prefix("azure-keyvault-env: ").unwrap_or_else(|| panic!("our name: {said}"));
        line.trim_end().to_owned()
    }
}

/// Variables as `env -0` prints them.
pub fn variables(printed: &str) -> Vec<(&str, &str)> {
    printed.split('\0').filter_map(|line| line.split_once('=')).collect()
}

/// One of them.
pub fn variable<'a>(printed: &'a str, name: &str) -> Option<&'a str> {
    variables(printed).into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// A directory that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("akv-injector-{name}-{}", std::process::id()));
        let _none = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, text: impl AsRef<OsStr>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text.as_ref().as_bytes()).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}
