//! The program akv2k8s.

use std::process::ExitCode;

fn main() -> ExitCode {
    akv_process::harden::install_tls_provider();
    if let Err(error) = akv_process::harden::harden() {
        eprintln!("akv2k8s: this process cannot be kept from writing a core: {error}");
        return ExitCode::FAILURE;
    }
    akv::cli::main()
}
