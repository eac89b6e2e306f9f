//! `cargo xtask release --check`: what must be true of images before they are published, and takes too long for every change.

mod emulated;

use crate::failure::During;
use crate::progress::Progress;
use crate::setup::static_program::Arch;
use crate::{Failure, Outcome, layout, process};
use std::path::Path;
use std::process::Command;

/// What to do for a release.
#[derive(Debug, Clone, clap::Args)]
pub struct ReleaseArgs {
    /// Build the images of every processor twice from nothing, compare them, and run the programs of the other processor
    #[arg(long, required = true)]
    check: bool,
}

impl ReleaseArgs {
    /// Carries it out, and prints what was found.
    pub fn run(&self) -> Outcome<()> {
        let dir = layout::target().join("release-check");
        let first = build(&dir, "first")?;
        print!("{first}");
        emulated::check(&dir.join(Arch::Arm64.target()))?;
        let second = build(&dir, "second")?;
        if first != second {
            return Err(Failure::new(format!("a second build from nothing made other images:\n{second}")));
        }
        println!("two builds from nothing made the same images");
        Ok(())
    }
}

/// Builds the images with nothing built before, at the same place both times. What the command prints names their digests.
fn build(dir: &Path, which: &str) -> Outcome<String> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).during(dir.display())?;
    }
    let this = std::env::current_exe().during("this program")?;
    let mut image = Command::new(this);
    image.args(["image", "--arch", "amd64", "--arch", "arm64"]).env("CARGO_TARGET_DIR", dir);
    let progress = Progress::start(format!("the {which} build from nothing"));
    let said = process::read(&mut image)?;
    progress.done("");
    Ok(said)
}
