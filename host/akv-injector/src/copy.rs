//! What the init container does: no shell is needed to copy one file.

use crate::failure::Failure;
use akv_wire::name::EXECUTABLE;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Everybody may run it, nobody may write it.
const MODE: u32 = 0o555;

/// Copies this executable into a directory.
pub fn into(directory: &Path) -> Result<(), Failure> {
    let to = directory.join(EXECUTABLE);
    copy(&to).map_err(|error| Failure::new(format!("the executable cannot be copied to {}: {error}", to.display())))
}

fn copy(to: &Path) -> io::Result<()> {
    // An init container may be started again; nobody ever sees half of the file.
    let part = to.with_extension("part");
    let _none = fs::remove_file(&part);
    let mut source = fs::File::open("/proc/self/exe")?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&part)?;
    io::copy(&mut source, &mut target)?;
    drop(target);
    // The umask may have taken something of the mode.
    fs::set_permissions(&part, std::os::unix::fs::PermissionsExt::from_mode(MODE))?;
    fs::rename(&part, to)
}
