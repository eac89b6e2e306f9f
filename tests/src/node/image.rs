//! The images of tests: one program, `tests/probe`, linked statically.

use std::path::{Path, PathBuf};
use xtask::Outcome;
pub use xtask::image::Image;
use xtask::image::product::Product;
use xtask::setup::static_program::{self, Arch, INJECTOR};

/// The probe without an argument, as user 65532. It is on every node of the tests.
pub const PROBE: &str = "localhost/akv2k8s-probe:1";

/// The executable that is injected, as its image has it. [`Node::import_env`](super::Node::import_env) puts it on the node.
pub const ENV: &str = "localhost/azure-keyvault-env:1";

/// An image with the program `/probe` and nothing else: no user, no command line, no environment.
///
/// # Panics
/// If the program does not compile.
pub fn probe() -> Image {
    let image = probe_program().and_then(|program| Image::scratch().program("/probe", &program));
    image.unwrap_or_else(|failure| panic!("{failure}"))
}

/// An image of user 0 with the probe at another path and nothing else.
///
/// # Panics
/// If the program does not compile.
pub fn probe_at(path: &str) -> Image {
    let image = probe_program().and_then(|program| Image::scratch().program(path, &program));
    image.unwrap_or_else(|failure| panic!("{failure}"))
}

/// A stand-in for the image `busybox`: the probe under the names of those of its programs that pages call.
///
/// # Panics
/// If the program does not compile.
pub fn busybox() -> Image {
    let image = probe_program().and_then(|program| {
        ["/bin/sleep", "/bin/printenv", "/bin/cat"]
            .iter()
            .try_fold(Image::scratch(), |image, path| image.program(path, &program))
    });
    image.unwrap_or_else(|failure| panic!("{failure}"))
}

/// Builds the probe, if anything in it has changed.
pub(super) fn probe_program() -> Outcome<PathBuf> {
    static PROGRAM: std::sync::OnceLock<Outcome<PathBuf>> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| static_program::build("akv-probe", "probe", Arch::native(), INJECTOR)).clone()
}

pub(super) fn probe_of(program: &Path) -> Outcome<Image> {
    Ok(Image::scratch().program("/probe", program)?.user("65532").entrypoint(["/probe"]))
}

/// The image of `azure-keyvault-env` as it ships; it is built when anything in it has changed.
pub(super) fn env() -> Outcome<Image> {
    crate::release::image(Product::AzureKeyvaultEnv)
}
