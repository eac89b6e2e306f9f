//! `transform` and `pipeline`: the steps that values take.

use super::findings::Findings;
use super::vault::Written;
use crate::recipe::Config;
use crate::{Alias, PluginName, Step};
use akv_api::rule::{bound, secret as rule};
use akv_api::secret::{ObjectType, OutputSpec, StepSpec};

/// The steps; complete only if there is no fault.
pub(super) fn steps(output: &OutputSpec, objects: &[Written<'_>], findings: &mut Findings) -> Vec<Step> {
    let both = output.transform.is_some() && output.pipeline.is_some();
    findings.keep(&rule::TRANSFORM_AND_PIPELINE, "spec.output.transform", !both);
    let secrets: Vec<&str> = objects.iter().filter(|o| o.kind == ObjectType::Secret).map(|o| o.alias).collect();
    let mut steps = Vec::new();
    match &output.transform {
        Some(names) if secrets.is_empty() && !names.is_empty() && !objects.is_empty() => findings.warn(
            "spec.output.transform",
            "`transform` touches objects of type secret only, and this resource names none: it is ignored",
        ),
        names => {
            for (index, name) in names.iter().flatten().enumerate() {
                let path = format!("spec.output.transform[{index}]");
                let plugin = PluginName::parse(name).ok();
                findings.keep(&rule::PLUGIN_NAME, path.as_str(), plugin.is_some());
                steps.extend(plugin.map(|plugin| Step { plugin, config: Config::new(), only: None, path }));
            }
        }
    }
    if let Some(pipeline) = &output.pipeline {
        findings.keep(&rule::PIPELINE_EMPTY, "spec.output.pipeline", !pipeline.is_empty());
        findings.at_most("spec.output.pipeline", pipeline.len(), bound::PIPELINE);
        findings.keep(
            &rule::PIPELINE_WITHOUT_SECRET,
            "spec.output.pipeline",
            !secrets.is_empty() || objects.is_empty(),
        );
        for (index, written) in pipeline.iter().enumerate() {
            steps.extend(step(written, format!("spec.output.pipeline[{index}]"), &secrets, findings));
        }
    }
    steps
}

fn step(written: &StepSpec, path: String, secrets: &[&str], findings: &mut Findings) -> Option<Step> {
    let plugin = PluginName::parse(&written.plugin).ok();
    findings.keep(&rule::PLUGIN_NAME, format!("{path}.plugin"), plugin.is_some());
    if let Some(only) = &written.only {
        findings.keep(&rule::ONLY_EMPTY, format!("{path}.only"), !only.is_empty());
        findings.at_most(&format!("{path}.only"), only.len(), bound::OBJECTS);
    }
    for (index, alias) in written.only.iter().flatten().enumerate() {
        findings.keep(&rule::ONLY_UNKNOWN, format!("{path}.only[{index}]"), secrets.contains(&alias.as_str()));
    }
    let aliases = |only: &Vec<String>| only.iter().filter_map(|alias| Alias::parse(alias).ok()).collect();
    let only = written.only.as_ref().map(aliases);
    Some(Step { plugin: plugin?, config: written.config.clone().unwrap_or_default(), only, path })
}
