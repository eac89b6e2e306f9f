//! The program azure-keyvault-env: it runs before an application, puts values into its environment, and becomes it.

mod become_it;
mod borrow;
mod cli;
mod copy;
mod environment;
mod failure;
mod files;
mod given;
mod patience;
mod pod;
mod produce;
mod resource;
mod service;
mod timing;

use failure::Failure;
use std::alloc::System;
use std::process::ExitCode;
use zeroizing_alloc::ZeroAlloc;

/// Whatever is freed is wiped first: values also pass through buffers of the TLS, HTTP and JSON libraries.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    // Nothing of another process may read this one's memory; `execve` makes the application what it always was.
    let hardened = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let _already = rustls::crypto::ring::default_provider().install_default();
    let ended = match hardened {
        Ok(()) => cli::main(),
        Err(error) => Err(Failure::new(format!("the memory of this process cannot be protected: {error}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
