//! The program akv2k8s.

use std::alloc::System;
use std::process::ExitCode;
use zeroizing_alloc::ZeroAlloc;

/// Whatever is freed is wiped first: values also pass through buffers of the TLS, HTTP and JSON libraries.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    akv_process::harden::install_tls_provider();
    if let Err(error) = akv_process::harden::harden() {
        eprintln!("akv2k8s: this process cannot be kept from writing a core: {error}");
        return ExitCode::FAILURE;
    }
    akv::cli::main()
}
