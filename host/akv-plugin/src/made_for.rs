//! What compiled code is made for: an engine and a processor, by name.

/// The engine, as programs that exchange compiled plugins name it: code of another major version is refused.
pub const ENGINE: &str = "wasmtime-48";

/// This program's own target: wasmtime runs code under no other, though code of the same processor and system fits.
pub(crate) fn native() -> &'static str {
    match (cfg!(target_arch = "aarch64"), cfg!(target_env = "musl")) {
        (true, true) => "aarch64-unknown-linux-musl",
        (false, true) => "x86_64-unknown-linux-musl",
        (_, false) => target(),
    }
}

/// The name of what code is compiled for, for programs that exchange it. musl and glibc share it: compiled code calls no C library.
pub fn target() -> &'static str {
    target_of(std::env::consts::ARCH)
}

/// The same for programs of a processor, in Rust's words.
pub(crate) fn target_of(arch: &str) -> &'static str {
    if arch == "aarch64" { "aarch64-unknown-linux-gnu" } else { "x86_64-unknown-linux-gnu" }
}
