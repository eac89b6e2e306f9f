//! Becoming the application.

use crate::environment::Environment;
use crate::failure::Failure;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Replaces this process by the command: same PID, working directory, user, limits and umask. The command is looked for
/// in the new environment's PATH. It returns only if that failed.
pub fn run(command: &[OsString], environment: &Environment) -> Failure {
    let Some((program, args)) = command.split_first() else {
        return Failure::new("there is no command");
    };
    let error = Command::new(program).args(args).env_clear().envs(environment.variables()).exec();
    let program = program.to_string_lossy();
    match error.kind() {
        ErrorKind::NotFound => Failure::of_command(format!("{program}: there is no such program in the image"), 127),
        ErrorKind::PermissionDenied => Failure::of_command(format!("{program}: it may not be executed"), 126),
        _ => Failure::of_command(format!("{program}: {error}"), 126),
    }
}
