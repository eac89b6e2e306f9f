//! The variables that were passed in.

use std::collections::BTreeMap;
use std::path::Path;

use crate::settings_error::SettingsError;

/// A view of the variables in which an empty one is an absent one, as all Azure SDKs have it.
#[derive(Clone, Copy)]
pub(crate) struct Variables<'a>(pub(crate) &'a BTreeMap<String, String>);

impl<'a> Variables<'a> {
    /// The text of a variable that is set and not empty.
    pub(crate) fn get(self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The same, as a path.
    pub(crate) fn path(self, name: &str) -> Option<&'a Path> {
        self.get(name).map(Path::new)
    }

    /// The text of a variable that must be set; `needed` says what for.
    pub(crate) fn require(self, variable: &'static str, needed: &'static str) -> Result<&'a str, SettingsError> {
        self.get(variable).ok_or(SettingsError::Missing { variable, needed })
    }
}

/// Reads a file of at most `limit` bytes; `what` says which setting named it.
pub(crate) fn read_file(
    what: &'static str,
    path: &Path,
    limit: u64,
) -> Result<zeroize::Zeroizing<Vec<u8>>, SettingsError> {
    use std::io::Read;
    let unreadable = |source| SettingsError::Unreadable { what, path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(SettingsError::Content {
            what,
            path: path.to_owned(),
            problem: format!("it is larger than {limit} bytes, so it cannot be what it should be"),
        });
    }
    Ok(bytes)
}
