//! What the executable is asked to do. The settings of `run` are the webhook's; people use the rest.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::produce::Values;
use crate::{become_it, borrow, copy, files, given, pod, service, timing};
use akv_wire::arguments::{Arguments, DEBUG, END, RUN};
use std::ffi::OsString;
use std::path::Path;

const HELP: &str = "\
Starts a program with Azure Key Vault values in its environment.

  azure-keyvault-env --resources FILE [--log-level=debug] -- COMMAND [ARGS...]
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
            let (settings, command) = split(&args)?;
            if settings.len() > 1 {
                return Err(usage("exec takes nothing before `--`"));
            }
            Err(become_it::run(command, &borrow::environment()?))
        }
        RUN => {
            let (settings, command) = split(&args)?;
            run(settings, command)
        }
        "-f" | "--resources" => {
            let (before, command) = split(&args)?;
            match before {
                [_, file] => with_file(Path::new(file), command),
                [_, file, debug] if debug == DEBUG => {
                    timing::begin();
                    with_file(Path::new(file), command)
                }
                _ => Err(usage("--resources takes one file")),
            }
        }
        other => Err(usage(&format!("{other:?} is nothing that this executable does"))),
    }
}

fn with_file(file: &Path, command: &[OsString]) -> Result<(), Failure> {
    let mut environment = Environment::of_process();
    environment.put(&given::values(file, &environment)?)?;
    timing::report();
    Err(become_it::run(command, &environment))
}

fn run(settings: &[OsString], command: &[OsString]) -> Result<(), Failure> {
    let text = |arg: &OsString| arg.to_str().map(str::to_owned).ok_or_else(|| usage("a setting is not UTF-8"));
    let mut settings = settings.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    settings.push(END.to_owned());
    let (arguments, _) = Arguments::parse(&settings).map_err(|error| usage(&error.to_string()))?;
    if arguments.debug {
        timing::begin();
    }
    let mut environment = Environment::of_process();
    let wanted = service::wanted(&arguments, &environment);
    let values = match arguments.service {
        _ if wanted.is_empty() => Values::default(),
        Some(_) => service::values(&arguments, wanted)?,
        None => pod::values(&arguments, wanted, &environment)?,
    };
    files::write(&arguments, &values)?;
    environment.put(&values)?;
    timing::report();
    Err(become_it::run(command, &environment))
}

/// What stands before `--`, and the command after it.
fn split(args: &[OsString]) -> Result<(&[OsString], &[OsString]), Failure> {
    let end = args.iter().position(|arg| arg == END).ok_or_else(|| usage("`--` and a command are missing"))?;
    match &args[end + 1..] {
        [] => Err(usage("there is no command after `--`")),
        command => Ok((&args[..end], command)),
    }
}

fn usage(why: &str) -> Failure {
    Failure::new(format!("{why}; see azure-keyvault-env --help"))
}

fn say(text: &str) -> Result<(), Failure> {
    println!("{text}");
    Ok(())
}
