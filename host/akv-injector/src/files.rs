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
            one(&path, value.expose())
                .map_err(|error| Failure::new(format!("file {} of {resource}: {error}", path.display())))?;
        }
    }
    Ok(())
}

fn one(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Keys of a Secret are names of files; anything else would leave the volume.
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.is_empty() || name.starts_with("..") {
        return Err(io::Error::other("its name is no name of a file"));
    }
    let part = path.with_file_name(format!("..{name}"));
    let _none = fs::remove_file(&part);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&part)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&part, path)
}
