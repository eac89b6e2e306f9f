//! Programs that Go builds from a module of ours, once, into the cache.

use super::cached;
use crate::progress::Progress;
use crate::{Failure, Outcome, layout, process};
use std::path::PathBuf;
use std::process::Command;
use std::thread::JoinHandle;

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct GoProgram {
    /// Its name in the cache, before the digest of its sources.
    pub name: &'static str,
    /// What it is to the person who waits for it.
    pub what: &'static str,
    /// How long the first build takes.
    pub takes: &'static str,
    /// The folder of its module, from the root of the checkout.
    pub module: &'static str,
    /// The files there that decide what it becomes.
    pub sources: &'static [&'static str],
    /// The package, as `go build` takes it.
    pub package: &'static str,
    /// Variables that the linker sets, as it takes them: what the program reports as a version.
    pub variables: &'static [&'static str],
}

impl GoProgram {
    /// Where the program for this checkout is or will be: its name carries the digest of its sources.
    pub fn path(&self) -> Outcome<PathBuf> {
        let dir = layout::root().join(self.module);
        let sources: Vec<_> = self.sources.iter().map(|file| dir.join(file)).collect();
        Ok(layout::cache()?.join(format!("{}-{}", self.name, layout::digest(&sources)?)))
    }

    /// The program, if it has been built.
    pub fn built(&self) -> Option<PathBuf> {
        self.path().ok().filter(|path| path.exists())
    }

    /// Begins to build it if it is not there.
    pub fn begin(self) -> Building {
        if self.built().is_none() && process::available("go") {
            eprintln!(
                "      the {} is being built by Go in the background; the first time takes about {}",
                self.what, self.takes
            );
        }
        Building { program: self, thread: std::thread::spawn(move || self.build()) }
    }

    /// Builds it if it is not there, and says where it is.
    pub fn ensure(self) -> Outcome<PathBuf> {
        self.begin().wait()
    }

    fn build(self) -> Outcome<PathBuf> {
        let name = self.path()?.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        cached(&name, |made| {
            if !process::available("go") {
                return Err(Failure::new(format!(
                    "Go is not installed; the tests need version 1.25 or newer to build the {} (https://go.dev/dl)",
                    self.what
                )));
            }
            let variables: String = self.variables.iter().map(|variable| format!(" -X {variable}")).collect();
            let mut go = Command::new("go");
            go.args(["build", "-trimpath", "-ldflags", &format!("-s -w{variables}"), "-o"]).arg(made).arg(self.package);
            go.current_dir(layout::root().join(self.module)).env("GOFLAGS", "-mod=readonly");
            let ran = process::run_quietly(&format!("go-build-{}", self.name), &mut go)?;
            if ran.ok {
                return Ok(());
            }
            ran.show();
            Err(Failure::new(format!("the {} could not be built; see {}", self.what, ran.log.display())))
        })
    }
}

/// A build that runs beside other work.
pub struct Building {
    program: GoProgram,
    thread: JoinHandle<Outcome<PathBuf>>,
}

impl Building {
    /// Waits until the program is there.
    pub fn wait(self) -> Outcome<PathBuf> {
        if self.thread.is_finished() {
            return self.result();
        }
        let progress = Progress::start(format!("{}, built by Go", self.program.what));
        let result = self.result();
        match &result {
            Ok(_) => progress.done(""),
            Err(_) => progress.failed(""),
        };
        result
    }

    fn result(self) -> Outcome<PathBuf> {
        let Self { program, thread } = self;
        thread.join().map_err(|_| Failure::new(format!("the thread that builds the {} panicked", program.what)))?
    }
}
