//! The programs of the other processor, run by Debian's emulator of user programs: they start, read a vault, and run plugins
//! that were compiled for a processor which the compiler never saw.

use crate::failure::During;
use crate::process::{self, Life, Server, cargo};
use crate::setup::debian;
use crate::setup::static_program::INJECTOR;
use crate::{Failure, Outcome, layout};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const EMULATOR: &str = "qemu-aarch64-static";
/// The vault makes keys at its start.
const START: Duration = Duration::from_secs(60);
/// What the seed of the example holds, as the resource makes it.
const VALUE: &str = "not-a-real-password";

/// Runs both programs below a target's folder.
pub fn check(programs: &Path) -> Outcome<()> {
    debian::ensure(EMULATOR, "qemu-user-static")?;
    let example = layout::root().join("examples/01-secret");
    let emulated = |program: &Path| {
        let mut command = Command::new(EMULATOR);
        command.arg(program);
        command
    };

    let mut render = emulated(&programs.join("release/akv2k8s"));
    render.arg("render").arg("-f").arg(example.join("resource.yaml"));
    render.arg("--values").arg(example.join("vault.yaml"));
    let (rendered, path) = (process::read(&mut render)?, example.join("expected.yaml"));
    if rendered != std::fs::read_to_string(&path).during(path.display())? {
        return Err(Failure::new(format!("akv2k8s for arm64 does not render {}: {rendered}", path.display())));
    }
    println!("akv2k8s for arm64 renders {}", path.display());

    let (_vault, variables) = vault(&example.join("vault.yaml"))?;
    let mut start = emulated(&programs.join(INJECTOR).join("azure-keyvault-env"));
    start.arg("--resources").arg(example.join("resource.yaml")).args(["--", "/usr/bin/printenv", "DB"]);
    start.env("AUTH_TYPE", "environment").env("DB", "db@azurekeyvault").envs(variables);
    let said = process::read(&mut start)?;
    if said.trim() != VALUE {
        return Err(Failure::new("azure-keyvault-env for arm64 starts a program with another value than the vault's"));
    }
    println!("azure-keyvault-env for arm64 starts a program with the vault's value");
    Ok(())
}

/// A local vault, and the variables that it prints for those who use it.
fn vault(seed: &Path) -> Outcome<(Ending, Vec<(String, String)>)> {
    let mut build = cargo();
    build.args(["build", "--package", "local-vault", "--bin", "local-vault"]);
    process::must_run("build-local-vault", "local-vault", &mut build)?;
    let log = layout::logs().join(format!("local-vault-{}.log", std::process::id()));
    let mut command = Command::new(layout::program("local-vault"));
    command.arg("--seed").arg(seed);
    let mut vault = Ending(Server::start("local-vault", command, &log, Life::WithUs)?);
    let deadline = Instant::now() + START;
    loop {
        vault.0.check_alive()?;
        let said = std::fs::read_to_string(&log).during(log.display())?;
        // The address comes after the last variable.
        if said.contains("# vault ") {
            let variable = |line: &str| {
                let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
                Some((name.to_owned(), value.trim_matches('\'').to_owned()))
            };
            return Ok((vault, said.lines().filter_map(variable).collect()));
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!("local-vault did not start; see {}", log.display())));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends the server with the value.
struct Ending(Server);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.kill();
    }
}
