//! One check a file: facts in, verdicts out.

mod authority;
mod certificate;
mod definitions;
mod deployments;
mod images;
mod leader;
mod namespaces;
mod original;
mod plugins;
mod pods;
mod registration;
mod resources;
mod roles;
mod vaults;
mod version;

use super::facts::Facts;
use super::verdict::Verdict;

/// From what everything stands on to what stands on it. A check that has nothing to look at in this installation says nothing.
const ALL: [fn(&Facts) -> Vec<Verdict>; 15] = [
    version::check,
    definitions::check,
    deployments::check,
    images::check,
    roles::check,
    leader::check,
    registration::check,
    certificate::check,
    authority::check,
    namespaces::check,
    pods::check,
    plugins::check,
    vaults::check,
    resources::check,
    original::check,
];

/// Everything that the checks say.
pub fn all(facts: &Facts) -> Vec<Verdict> {
    ALL.iter().flat_map(|check| check(facts)).collect()
}
