//! The images of tests: one program, `tests/probe`, linked statically.

use std::path::{Path, PathBuf};
use xtask::Outcome;
pub use xtask::image::Image;
use xtask::setup::static_program;

/// The probe without an argument, as user 65532. It is on every node of the tests.
pub const PROBE: &str = "localhost/akv2k8s-probe:1";

/// An image with the program `/probe` and nothing else: no user, no command line, no environment.
///
/// # Panics
/// If the program does not compile.
pub fn probe() -> Image {
    let image = probe_program().and_then(|program| Image::scratch().program("/probe", &program));
    image.unwrap_or_else(|failure| panic!("{failure}"))
}

/// Builds the probe, if anything in it has changed.
pub(super) fn probe_program() -> Outcome<PathBuf> {
    static PROGRAM: std::sync::OnceLock<Outcome<PathBuf>> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| static_program::build("akv-probe", "probe")).clone()
}

pub(super) fn probe_of(program: &Path) -> Outcome<Image> {
    Ok(Image::scratch().program("/probe", program)?.user("65532").entrypoint(["/probe"]))
}
