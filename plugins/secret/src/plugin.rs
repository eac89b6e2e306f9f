//! By target: a Secret or a variable.

use crate::config::Config;
use crate::{data, variable};
use guest::Fault;
use guest::output::{Description, Entry, Object, Part, Target};

fn target_fault(target: &Target) -> Fault {
    let message = format!("this plugin writes a Secret or a variable, not {}", target.kind);
    Fault::config("wrong-target", "", message)
}

/// Whether config, target and objects fit together.
pub fn check(config: &str, target: &Target, objects: &[Description]) -> Result<(), Fault> {
    let config = Config::parse(config)?;
    match target.kind.as_str() {
        "secret" => data::check(&config, target, objects),
        "environment" => variable::check(target, objects),
        _ => Err(target_fault(target)),
    }
}

/// Which parts to read.
pub fn needs(config: &str, target: &Target, objects: &[Description]) -> Result<Vec<(String, Part)>, Fault> {
    Config::parse(config)?;
    let part = |d: &Description| match target.kind.as_str() {
        "secret" => Ok(data::part(target, d)),
        "environment" => Ok(variable::part(target, d)),
        _ => Err(target_fault(target)),
    };
    objects.iter().map(|d| Ok((d.alias.clone(), part(d)?))).collect()
}

/// The entries.
pub fn render(config: &str, target: &Target, objects: &[Object]) -> Result<Vec<Entry>, Fault> {
    let config = Config::parse(config)?;
    match target.kind.as_str() {
        "secret" => data::render(&config, target, objects),
        "environment" => variable::render(&config, target, objects),
        _ => Err(target_fault(target)),
    }
}
