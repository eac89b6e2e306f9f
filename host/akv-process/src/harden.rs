//! What a process that holds secrets does first.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// No core dump, and no other process of the same user may read this one's memory.
pub fn harden() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Makes ring the TLS provider of the process. With two providers in one process rustls would panic at the first use.
pub fn install_tls_provider() {
    // An error means that a provider is installed already, and ring is the only one that is linked.
    let _already = rustls::crypto::ring::default_provider().install_default();
}
