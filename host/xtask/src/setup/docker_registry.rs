//! Debian's `docker-registry`: a registry that nobody here has written. It is unpacked, not installed, since the package
//! would start one.

use super::cached;
use crate::failure::During;
use crate::{Outcome, process};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program: of the machine, or of the package.
pub fn ensure() -> Outcome<PathBuf> {
    let installed = Path::new("/usr/bin/docker-registry");
    if installed.is_file() {
        return Ok(installed.to_owned());
    }
    cached("docker-registry", |place| {
        let folder = place.with_extension("package");
        std::fs::create_dir_all(&folder).during(folder.display())?;
        let in_folder = |program: &str, args: &[&str]| {
            let mut command = Command::new(program);
            command.args(args).current_dir(&folder);
            command
        };
        let download = || in_folder("apt-get", &["-qq", "download", "docker-registry"]);
        let label = "Debian package docker-registry";
        if !process::run_quietly("docker-registry", &mut download())?.ok {
            process::must_run("apt-update", "package lists", &mut in_folder("apt-get", &["update"]))?;
            process::must_run("docker-registry", label, &mut download())?;
        }
        let unpack = "dpkg-deb -x docker-registry_*.deb .";
        process::must_run("docker-registry-unpack", label, &mut in_folder("sh", &["-c", unpack]))?;
        std::fs::rename(folder.join("usr/bin/docker-registry"), place).during(place.display())?;
        std::fs::remove_dir_all(&folder).during(folder.display())
    })
}
