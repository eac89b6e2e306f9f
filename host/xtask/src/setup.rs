//! Puts in place what the commands need, once, in a cache that outlives the checkout; says what it does.

pub mod cluster_binary;
pub mod debian;
pub mod deny;
pub mod docker_registry;
pub mod go_program;
pub mod helm;
pub mod node;
pub mod oracle;
pub mod rust_target;
pub mod static_program;
pub mod wasm_target;

use crate::failure::During;
use crate::{Outcome, layout};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Whether this run is the project's CI, where nothing may be skipped.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1")
}

/// Makes `name` in the cache if it is not there, and says where it is. `make` writes to the path that it is given; what is
/// whole is moved to its place in one step, so that a build cut short leaves nothing half. Of two processes that want
/// the same thing, the second waits for the first.
fn cached(name: &str, make: impl FnOnce(&Path) -> Outcome<()>) -> Outcome<PathBuf> {
    let dir = layout::cache()?;
    let place = dir.join(name);
    if place.exists() {
        return Ok(place);
    }
    std::fs::create_dir_all(&dir).during(dir.display())?;
    let lock = File::create(dir.join(format!("{name}.lock"))).during(dir.display())?;
    lock.lock().during(dir.display())?;
    if !place.exists() {
        let unfinished = dir.join(format!("{name}.unfinished"));
        make(&unfinished)?;
        std::fs::rename(&unfinished, &place).during(place.display())?;
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_that_could_not_be_made_is_not_in_the_cache() {
        let name = format!("test-of-the-cache-{}", std::process::id());
        let half = cached(&name, |path| {
            std::fs::write(path, "half").during("the cache")?;
            Err(crate::Failure::new("cut short"))
        });
        assert_eq!(half.expect_err("it was cut short").to_string(), "cut short");
        let place = cached(&name, |path| std::fs::write(path, "whole").during("the cache")).expect("it is made");
        assert_eq!(std::fs::read_to_string(&place).expect("it is there"), "whole");
        let again = cached(&name, |_| Err(crate::Failure::new("it was made already"))).expect("it is found");
        assert_eq!(again, place);
        for file in [place.clone(), place.with_extension("lock")] {
            std::fs::remove_file(file).expect("the test made it");
        }
    }
}
