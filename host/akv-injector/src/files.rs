//! Files of a resource, in a memory volume of the container's own.

use crate::failure::Failure;
use crate::produce::Values;
use akv_wire::arguments::Arguments;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Only the container's own user may read them.
const MODE: u32 = 0o400;

/// Writes every entry of every resource that the arguments name.
pub fn write(arguments: &Arguments, values: &Values) -> Result<(), Failure> {
    for (resource, directory) in &arguments.files {
        if values.is_left_out(resource) {
            continue;
        }
        let entries =
            values.files(resource).ok_or_else(|| Failure::new(format!("files of {resource}: none were made")))?;
        for (name, value) in entries {
            let path = Path::new(directory).join(name);
            one(Path::new(directory), name, value.expose())
                .map_err(|error| Failure::new(format!("file {} of {resource}: {error}", path.display())))?;
        }
    }
    Ok(())
}

fn one(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    if !legal(name) {
        return Err(io::Error::other("its name is no name of a file here"));
    }
    // Whoever looks sees the whole file or none.
    let part = directory.join(format!("..{name}"));
    let _none = fs::remove_file(&part);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&part)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&part, directory.join(name))
}

/// What a key of a Secret may be; a path that leaves the volume never is.
fn legal(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name != "." && !name.starts_with("..") && name.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_files_in_the_directory_are_legal() {
        assert!(["tls.crt", ".env", "A_b-1"].into_iter().all(legal));
        assert!(!["", ".", "..", "..data", "a/b", "../a", "/etc/passwd", "a\0", "a\n"].into_iter().any(legal));
    }
}
