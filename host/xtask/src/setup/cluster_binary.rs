//! The binary with every Kubernetes part, built by Go from `tests/cluster`.

use super::cached;
use crate::progress::Progress;
use crate::{Failure, Outcome, layout, process};
use std::path::PathBuf;
use std::process::Command;
use std::thread::JoinHandle;

/// What the parts report as their version; Helm's `kubeVersion` check refuses the default.
const VERSION: (&str, &str, &str) = ("v1.34.4", "1", "34");

/// Where the binary for this checkout is or will be: its name carries the digest of its sources.
pub fn path() -> Outcome<PathBuf> {
    let dir = layout::root().join("tests/cluster");
    let digest = layout::digest(&["go.mod", "go.sum", "main.go"].map(|file| dir.join(file)))?;
    Ok(layout::cache()?.join(format!("cluster-{digest}")))
}

/// The binary, if it has been built.
pub fn built() -> Option<PathBuf> {
    path().ok().filter(|path| path.exists())
}

/// A build that runs beside other work.
pub struct Building(JoinHandle<Outcome<PathBuf>>);

/// Begins to build the binary if it is not there. From nothing it takes some 13 minutes of CPU.
pub fn begin() -> Building {
    if built().is_none() && process::available("go") {
        eprintln!(
            "      the Kubernetes control plane is being built by Go in the background; the first time takes about 10 minutes"
        );
    }
    Building(std::thread::spawn(build))
}

impl Building {
    /// Waits until the binary is there.
    pub fn wait(self) -> Outcome<PathBuf> {
        if self.0.is_finished() {
            return self.result();
        }
        let progress = Progress::start("Kubernetes control plane, built by Go");
        let result = self.result();
        match &result {
            Ok(path) => progress.done(&path.display().to_string()),
            Err(_) => progress.failed(""),
        };
        result
    }

    fn result(self) -> Outcome<PathBuf> {
        self.0.join().map_err(|_| Failure::new("the thread that builds the control plane panicked"))?
    }
}

/// Builds the binary if it is not there, and says where it is.
pub fn ensure() -> Outcome<PathBuf> {
    begin().wait()
}

fn build() -> Outcome<PathBuf> {
    let name = path()?.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    cached(&name, |made| {
        if !process::available("go") {
            return Err(Failure::new(
                "Go is not installed; the tests need version 1.25 or newer to build a Kubernetes API server (https://go.dev/dl)",
            ));
        }
        let (version, major, minor) = VERSION;
        let at = "k8s.io/component-base/version";
        let flags = format!("-s -w -X {at}.gitVersion={version} -X {at}.gitMajor={major} -X {at}.gitMinor={minor}");
        let mut go = Command::new("go");
        go.args(["build", "-trimpath", "-ldflags", &flags, "-o"]).arg(made).arg(".");
        go.current_dir(layout::root().join("tests/cluster")).env("GOFLAGS", "-mod=readonly");
        let ran = process::run_quietly("go-build-cluster", &mut go)?;
        if ran.ok {
            return Ok(());
        }
        ran.show();
        Err(Failure::new(format!("the Kubernetes control plane could not be built; see {}", ran.log.display())))
    })
}
