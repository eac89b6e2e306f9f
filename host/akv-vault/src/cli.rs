//! The Azure CLI, run as the SDK wants it, found by the `PATH` that was passed in.

use std::ffi::OsStr;
use std::io;
use std::process::{Output, Stdio};

use async_trait::async_trait;
use azure_identity::Executor;

/// Runs a program with our `PATH` and nothing on its standard input.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) path: Option<String>,
}

#[async_trait]
impl Executor for Shell {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = tokio::process::Command::new(program);
        command.args(args).stdin(Stdio::null()).kill_on_drop(true);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command.output().await
    }
}
