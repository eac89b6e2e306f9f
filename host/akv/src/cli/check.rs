//! Everything that can be said of a resource without its values.

use super::custom::PluginSet;
use super::finding::{Remark, Severity};
use akv_api::AzureKeyVaultSecret;
use akv_core::policy::Policy;
use akv_core::{PluginFault, Recipe};
use akv_plugin::Plugins;
use kube::ResourceExt;

/// What is known of a resource.
pub struct Checked {
    /// What it asks for and what it may run; `None` if it cannot work.
    pub ready: Option<(Recipe, Plugins)>,
    /// Faults and warnings, in the order of the resource.
    pub remarks: Vec<Remark>,
}

/// Parses a resource, asks the policy, and asks every plugin for its config.
pub fn check(resource: &AzureKeyVaultSecret, set: &PluginSet, policy: &Policy) -> Checked {
    let namespace = resource.namespace().unwrap_or_else(|| "default".to_owned());
    let (recipe, warnings) = match Recipe::parse(&resource.spec) {
        Ok(parsed) => parsed,
        Err(faults) => {
            return Checked { ready: None, remarks: faults.into_iter().map(Remark::from).collect() };
        }
    };
    let mut remarks: Vec<Remark> = warnings.into_iter().map(Remark::from).collect();
    let denied = recipe.objects.iter().filter_map(|d| policy.allows(&namespace, &recipe.vault, &d.object).err());
    remarks.extend(denied.map(Remark::from));
    let (plugins, said, missing) = set.for_namespace(&namespace, &recipe);
    remarks.extend(said);
    let faults = akv_plugin::render::check(&recipe, &plugins);
    remarks.extend(
        faults.into_iter().filter(|(_, f)| !missing.contains(&f.plugin)).map(|(path, fault)| remark(&path, fault)),
    );
    let whole = missing.is_empty() && remarks.iter().all(|r| r.severity == Severity::Warning);
    Checked { ready: whole.then_some((recipe, plugins)), remarks }
}

/// A plugin's fault at a place of the resource, with the reason that the controller's condition gives it.
pub fn remark(path: &str, fault: PluginFault) -> Remark {
    Remark::fault(fault.reason(), path, fault.to_string())
}
