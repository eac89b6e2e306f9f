//! From what a user wrote to a [`Recipe`]: every rule of [`akv_api::rule::secret`] in Rust, and the warnings.
//!
//! The API server evaluates the same rules in CEL when a resource is written through `v2beta1`. Here they are for `lint`,
//! for the env injector, and for resources that were stored through an older version or before the rules stood.

mod findings;
mod output;
mod pipeline;
mod target;
mod vault;

use crate::recipe::Recipe;
use crate::{Fault, Warning};
use akv_api::AzureKeyVaultSecretSpec;
use findings::Findings;

impl Recipe {
    /// What `spec` asks for.
    ///
    /// # Errors
    /// Every fault at once, each with its path, in the order of the resource.
    pub fn parse(spec: &AzureKeyVaultSecretSpec) -> Result<(Recipe, Vec<Warning>), Vec<Fault>> {
        let mut findings = Findings::default();
        let objects = vault::objects(&spec.vault);
        let vault = vault::name(&spec.vault, &mut findings);
        let descriptions = vault::descriptions(&spec.vault, &objects, &mut findings);
        let written = spec.output.clone().unwrap_or_default();
        let format = output::format(&written, &mut findings);
        let pipeline = pipeline::steps(&written, &objects, &mut findings);
        let outputs = output::outputs(&written, &objects, format.as_ref(), &mut findings);
        let environment = output::environment(&written, format);
        match (vault, findings.into_result()) {
            (Some(vault), Ok(warnings)) => {
                let keys_from_alias = spec.vault.objects.is_some();
                Ok((Recipe { vault, objects: descriptions, pipeline, outputs, keys_from_alias, environment }, warnings))
            }
            (_, Err(faults)) => Err(faults),
            (None, Ok(_)) => unreachable!("a vault without a name is a fault"),
        }
    }
}

#[cfg(test)]
mod tests;
