//! Microsoft's own Python packages, against which the local vault is held.

use super::{cached, in_ci};
use crate::failure::During;
use crate::{Failure, Outcome, layout, process};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a Python environment with what `requirements` pins, if it is not in the cache; returns its interpreter.
pub fn ensure(requirements: &Path) -> Outcome<PathBuf> {
    let digest = layout::digest(&[requirements.to_owned()])?;
    // An environment names its own path, so it is made where it stays; the mark says that it is whole.
    let place = layout::cache()?.join(format!("python-{digest}"));
    let python = place.join("bin/python");
    cached(&format!("python-{digest}.whole"), |mark| {
        if !process::available("python3") {
            return Err(Failure::new(
                "Python is not installed; Microsoft's SDK for it shows that the local vault is like Key Vault",
            ));
        }
        make(&place)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements);
        process::must_run("pip-install", "Python packages of the Azure SDK", &mut pip)?;
        std::fs::write(mark, "").during(mark.display())
    })?;
    Ok(python)
}

fn make(place: &Path) -> Outcome<()> {
    let venv = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv", "--clear"]).arg(place);
        command
    };
    if process::run_quietly("python-venv", &mut venv())?.ok {
        return Ok(());
    }
    // Debian splits venv off. Only root installs packages, and only where nobody else's machine is changed unasked.
    if in_ci() && rustix::process::geteuid().is_root() && process::available("apt-get") {
        process::must_run("apt-update", "package lists", Command::new("apt-get").arg("update"))?;
        let mut install = Command::new("apt-get");
        install.args(["install", "-y", "--no-install-recommends", "python3-venv"]);
        process::must_run("apt-install", "Debian package python3-venv", &mut install)?;
    }
    process::must_run("python-venv", "Python environment", &mut venv())
        .map(drop)
        .map_err(|failure| Failure::new(format!("{failure}; on Debian: apt-get install python3-venv")))
}
