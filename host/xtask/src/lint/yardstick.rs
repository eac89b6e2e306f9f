//! How long files are, and names that no file has.

use super::{say, sources};
use crate::Outcome;

/// Half of the files are not longer than this.
const MEDIAN: usize = 150;
/// Nineteen of twenty are not.
const P95: usize = 350;
/// None is.
const LARGEST: usize = 400;
/// Names that say nothing of what is inside.
const NAMELESS: [&str; 8] =
    ["mod.rs", "util.rs", "utils.rs", "common.rs", "helper.rs", "helpers.rs", "misc.rs", "types.rs"];

/// The sizes, and what is wrong with them.
pub fn check() -> Outcome<bool> {
    let sources = sources::all()?;
    let sizes = sources.iter().map(|source| (source.text.lines().count(), source.path.as_str())).collect();
    let (summary, faults) = measure(sizes);
    Ok(say(&format!("yardstick: {summary}"), &faults))
}

fn measure(mut sizes: Vec<(usize, &str)>) -> (String, Vec<String>) {
    sizes.sort_unstable();
    let at = |percent: usize| {
        sizes.get((sizes.len() * percent / 100).min(sizes.len().saturating_sub(1))).map_or(0, |size| size.0)
    };
    let largest = sizes.last().map_or(0, |size| size.0);
    let mut faults = Vec::new();
    for (what, is, limit) in [("median", at(50), MEDIAN), ("95th percentile", at(95), P95)] {
        if is > limit {
            faults.push(format!("the {what} of file lengths is {is} lines; at most {limit} are wanted"));
        }
    }
    for (lines, path) in &sizes {
        if *lines > LARGEST {
            faults.push(format!("{path}: {lines} lines without its tests; at most {LARGEST} are wanted: which topic of it is a file of its own?"));
        }
        if NAMELESS.contains(&path.rsplit('/').next().unwrap_or(path)) {
            faults.push(format!("{path}: the name does not say what is inside"));
        }
    }
    let summary =
        format!("{} files, median {} lines, 95th percentile {}, largest {largest}", sizes.len(), at(50), at(95));
    (summary, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(sizes: &[(usize, &'static str)]) -> Vec<String> {
        measure(sizes.to_vec()).1
    }

    #[test]
    fn a_long_file_is_named() {
        let found = faults(&[(10, "a.rs"), (10, "b.rs"), (10, "c.rs"), (401, "host/x/long.rs")]);
        assert!(found.iter().any(|fault| fault.starts_with("host/x/long.rs: 401 lines")), "{found:?}");
        assert!(faults(&[(150, "a.rs"), (151, "b.rs")]).iter().any(|fault| fault.contains("median")));
        assert!(faults(&[(150, "a.rs"), (40, "b.rs")]).is_empty());
    }

    #[test]
    fn a_file_is_called_by_its_topic() {
        assert_eq!(faults(&[(10, "host/x/src/utils.rs")]).len(), 1);
        assert_eq!(faults(&[(10, "host/x/src/sync/mod.rs")]).len(), 1);
    }

    #[test]
    fn a_test_module_does_not_count() {
        assert_eq!(sources::without_tests("fn a() {}\n\n#[cfg(test)]\nmod tests {\n    x\n}\n"), "fn a() {}\n\n");
    }
}
