//! Every rule of [`akv_api::rule::plugin`] in Rust, for `lint` and the controller.

use crate::{Fault, PluginName, limits, syntax};
use akv_api::plugin::{AzureKeyVaultPluginSpec, ConfigMapSourceSpec};
use akv_api::reason;
use akv_api::rule::{Rule, bound, plugin as rule};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;

/// Everything that is wrong with an `AzureKeyVaultPlugin` called `name`, without a look at its bytes.
pub fn faults(name: &str, spec: &AzureKeyVaultPluginSpec) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut keep = |rule: &Rule, path: &str, kept: bool| {
        if !kept {
            let (path, message) = (path.to_owned(), rule.sentence.to_owned());
            faults.push(Fault { path, reason: reason::INVALID_SPEC, message });
        }
    };
    keep(&rule::RESOURCE_NAME, "metadata.name", PluginName::parse(name).is_ok());
    let (config_map, file) = (&spec.source.config_map, &spec.source.file);
    keep(&rule::SOURCE_MISSING, "spec.source", config_map.is_some() || file.is_some());
    keep(&rule::SOURCE_TWICE, "spec.source.file", config_map.is_none() || file.is_none());
    if let Some(ConfigMapSourceSpec { namespace, name, key, sha256 }) = config_map {
        keep(&rule::NAMESPACE, "spec.source.configMap.namespace", syntax::is_dns_label(namespace));
        keep(&rule::CONFIG_MAP_NAME, "spec.source.configMap.name", syntax::is_dns_name(name));
        keep(&rule::CONFIG_MAP_KEY, "spec.source.configMap.key", syntax::is_key(key));
        keep(&rule::SHA256, "spec.source.configMap.sha256", is_sha256(sha256));
    }
    if let Some(file) = file {
        keep(&rule::SOURCE_PATH, "spec.source.file.path", is_below(&file.path));
        keep(&rule::SHA256, "spec.source.file.sha256", is_sha256(&file.sha256));
    }
    let expressions = spec.namespaces.iter().flat_map(|selector| selector.match_expressions.iter().flatten());
    for (index, expression) in expressions.enumerate() {
        keep(&rule::SELECTOR, &format!("spec.namespaces.matchExpressions[{index}]"), is_sensible(expression));
    }
    faults.extend(limits::parse_within(spec.limits.as_ref(), &limits::MAXIMUM).err().unwrap_or_default());
    faults
}

/// The faults in one line, as the condition of the plugin says them, and the resources that use it.
pub fn summary(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// Whether a path, joined to the plugin directory, stays below it.
fn is_below(path: &str) -> bool {
    path.chars().count() <= bound::PATH && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn is_sensible(expression: &LabelSelectorRequirement) -> bool {
    let values = expression.values.as_ref().is_some_and(|values| !values.is_empty());
    match expression.operator.as_str() {
        "In" | "NotIn" => values,
        "Exists" | "DoesNotExist" => !values,
        _ => false,
    }
}
