//! Where secret values are laid open: the list that a reviewer reads.

use super::sources;
use crate::Outcome;
use std::collections::BTreeMap;

/// Prints the files that call `SecretValue::expose`, with how often. It is information and never fails.
pub fn list() -> Outcome<()> {
    let mut calls = BTreeMap::new();
    for source in sources::all()? {
        let count = source.text.matches(".expose()").count();
        if count > 0 && !source.path.starts_with("host/xtask/") {
            calls.insert(source.path, count);
        }
    }
    eprintln!("      secret values are exposed {} times in {} files:", calls.values().sum::<usize>(), calls.len());
    for (path, count) in calls {
        eprintln!("      {count:>3}  {path}");
    }
    Ok(())
}
