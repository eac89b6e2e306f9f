//! `exec`: the environment of the container's main process, for a probe or a person's shell beside it.
//!
//! The certificate that gets values is of minutes, so whoever comes later takes them from where they are: from the main
//! process, which the kernel shows to its own user only.

use crate::environment::Environment;
use crate::failure::Failure;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Our own environment, with the values of the main process where ours holds references.
pub fn environment() -> Result<Environment, Failure> {
    let mut own = Environment::of_process();
    let referring = own.referring();
    // Whoever is not yet the application hides from everybody, so that nothing older is in sight means the same.
    let not_yet = || Failure::new("the container's main process has not got its values yet, or is not in sight");
    let theirs =
        if referring.is_empty() { Environment::of([]) } else { of_process(main_process().ok_or_else(not_yet)?)? };
    if referring.iter().any(|name| own.get(name).is_some() && own.get(name) == theirs.get(name)) {
        return Err(not_yet());
    }
    // What it left out as optional is left out here.
    own.adopt(|name| theirs.get(name).map(OsStr::to_owned));
    Ok(own)
}

fn of_process(pid: u32) -> Result<Environment, Failure> {
    let block = fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).map_err(|error| {
        Failure::new(format!(
            "the environment of the container's main process cannot be read: {error}; run as the user that it runs as"
        ))
    })?;
    Ok(Environment::of(variables(&block)))
}

/// The oldest process, other than this one, that sees the same files: with a shared process namespace, 1 is another's.
fn main_process() -> Option<u32> {
    let own = fs::read_link("/proc/self/ns/mnt").ok()?;
    let ours = std::process::id();
    let candidates = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let same = fs::read_link(entry.path().join("ns/mnt")).ok()? == own;
        (same && pid != ours).then_some(())?;
        Some((started(&entry.path())?, pid))
    });
    candidates.min().map(|(_, pid)| pid)
}

/// Clock ticks since boot; the 22nd field of `stat`, counted after the name, which may hold anything.
fn started(process: &Path) -> Option<u64> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn variables(block: &[u8]) -> Vec<(OsString, OsString)> {
    let pair = |entry: &[u8]| {
        let at = entry.iter().position(|byte| *byte == b'=')?;
        Some((OsStr::from_bytes(&entry[..at]).to_owned(), OsString::from_vec(entry[at + 1..].to_vec())))
    };
    block.split(|byte| *byte == 0).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_variables_is_read() {
        let read = variables(b"A=1\0B=x=y\0\0broken\0");
        assert_eq!(read, [("A", "1"), ("B", "x=y")].map(|(name, value)| (name.into(), value.into())));
    }

    #[test]
    fn this_process_began_at_some_time() {
        assert!(started(Path::new("/proc/self")).is_some());
    }
}
