//! What the executable is asked to do. The settings of `run` are the webhook's; people use the rest.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::{become_it, borrow, copy, files, given, pod, service};
use akv_wire::arguments::{Arguments, END, RUN};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const HELP: &str = "\
Starts a program with Azure Key Vault values in its environment.

  azure-keyvault-env --resources FILE -- COMMAND [ARGS...]
      outside a cluster: FILE holds AzureKeyVaultSecrets, AUTH_TYPE and AZURE_* say how to get a token
  azure-keyvault-env exec -- COMMAND [ARGS...]
      in a container that was injected: COMMAND sees what its main process sees (probes, kubectl exec)
  azure-keyvault-env run [SETTINGS] -- COMMAND [ARGS...]
      what the webhook writes into pods
  azure-keyvault-env copy DIR
      copies this executable into DIR

A variable whose value is NAME@azurekeyvault, NAME@azurekeyvault?KEY or holds ${NAME@azurekeyvault} gets the value.
The program ends as COMMAND ends; with 1 if a value cannot be had, 126 or 127 if COMMAND cannot be run.";

/// Does what the arguments say. It returns only where no other program was started.
pub fn main() -> Result<(), Failure> {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = args.first().and_then(|arg| arg.to_str()).unwrap_or_default();
    match first {
        "" | "-h" | "--help" | "help" => say(HELP),
        "-V" | "--version" | "version" => say(&format!("azure-keyvault-env {}", env!("CARGO_PKG_VERSION"))),
        "copy" => match args.get(1) {
            Some(directory) if args.len() == 2 => copy::into(Path::new(directory)),
            _ => Err(usage("copy takes one directory")),
        },
        "exec" => {
            let (_, command) = split(&args)?;
            Err(become_it::run(command, &borrow::environment()?))
        }
        RUN => {
            let (settings, command) = split(&args)?;
            run(&settings, command)
        }
        "-f" | "--resources" => {
            let (before, command) = split(&args)?;
            let file =
                before.get(1).filter(|_| before.len() == 2).ok_or_else(|| usage("--resources takes one file"))?;
            let mut environment = Environment::of_process();
            let values = given::values(&PathBuf::from(file), &environment)?;
            environment.put(&values)?;
            Err(become_it::run(command, &environment))
        }
        other => Err(usage(&format!("{other:?} is nothing that this executable does"))),
    }
}

fn run(settings: &[String], command: &[OsString]) -> Result<(), Failure> {
    let terminated = [settings, &[END.to_owned()]].concat();
    let (arguments, _) = Arguments::parse(&terminated).map_err(|error| Failure::new(error.to_string()))?;
    let mut environment = Environment::of_process();
    if !environment.is_plain() || !arguments.files.is_empty() {
        let values = match arguments.service {
            Some(_) => service::values(&arguments, &environment)?,
            None => pod::values(&arguments, &environment)?,
        };
        files::write(&arguments, &values)?;
        environment.put(&values)?;
    }
    Err(become_it::run(command, &environment))
}

/// What stands before `--`, and the command after it.
fn split(args: &[OsString]) -> Result<(Vec<String>, &[OsString]), Failure> {
    let end = args.iter().position(|arg| arg == END).ok_or_else(|| usage("`--` and a command are missing"))?;
    if args.len() == end + 1 {
        return Err(usage("there is no command after `--`"));
    }
    let before = args[..end].iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    Ok((before, &args[end + 1..]))
}

fn usage(why: &str) -> Failure {
    Failure::new(format!("{why}; see azure-keyvault-env --help"))
}

fn say(text: &str) -> Result<(), Failure> {
    println!("{text}");
    Ok(())
}
