//! `spec.output`: which plugin makes what, with which config.

use super::findings::Findings;
use super::target;
use super::vault::Written;
use crate::recipe::{Config, Format, Output};
use crate::{PluginName, syntax};
use akv_api::rule::{bound, secret as rule};
use akv_api::secret::{ChainOrder, FileSpec, KeyFormat, OutputSpec, SecretOutputSpec};
use serde_json::{Value, json};

/// `plugin` or `files`, which name their own keys; `None` for the defaults of each target.
pub(super) fn format(output: &OutputSpec, findings: &mut Findings) -> Option<Format> {
    findings.keep(&rule::PLUGIN_AND_FILES, "spec.output.files", output.plugin.is_none() || output.files.is_none());
    let files = output.files.as_ref().map(|files| self::files(files, findings));
    let plugin = output.plugin.as_ref().and_then(|written| {
        let plugin = PluginName::parse(&written.name).ok();
        findings.keep(&rule::PLUGIN_NAME, "spec.output.plugin.name", plugin.is_some());
        let config = written.config.clone().unwrap_or_default();
        Some(Format { plugin: plugin?, config, path: "spec.output.plugin".to_owned() })
    });
    plugin.or(files)
}

fn files(files: &[FileSpec], findings: &mut Findings) -> Format {
    findings.keep(&rule::FILES_EMPTY, "spec.output.files", !files.is_empty());
    findings.at_most("spec.output.files", files.len(), bound::FILES);
    for (index, file) in files.iter().enumerate() {
        let path = format!("spec.output.files[{index}].path");
        findings.keep(&rule::FILE_PATH, path.as_str(), syntax::is_key(&file.path));
        let first = !files[..index].iter().any(|other| other.path == file.path);
        findings.keep(&rule::FILE_PATH_TWICE, path, first);
        if file.template.chars().count() > bound::TEMPLATE {
            let path = format!("spec.output.files[{index}].template");
            findings.say(path, format!("a template has at most {} characters", bound::TEMPLATE));
        }
    }
    let list: Vec<Value> = files.iter().map(|file| json!({"path": file.path, "template": file.template})).collect();
    let config = Config::from_iter([("files".to_owned(), Value::Array(list))]);
    Format { plugin: default_plugin("files"), config, path: "spec.output.files".to_owned() }
}

/// One output for each target named; complete only if there is no fault.
pub(super) fn outputs(
    output: &OutputSpec,
    objects: &[Written<'_>],
    format: Option<&Format>,
    findings: &mut Findings,
) -> Vec<Output> {
    // By the field, not by `format`: a plugin with a bad name still is no default.
    let own_keys = output.plugin.is_some() || output.files.is_some();
    let secret = output.secret.as_ref().and_then(|secret| {
        let (target, data_key) = target::secret(secret, objects, own_keys, findings);
        let default = || {
            let mut config = secret_settings(Some(secret));
            config.extend(data_key_setting(data_key));
            Format { plugin: default_plugin("secret"), config, path: "spec.output.secret".to_owned() }
        };
        Some(format.cloned().unwrap_or_else(default).output(target?))
    });
    let config_map = output.config_map.as_ref().and_then(|config_map| {
        let (target, data_key) = target::config_map(config_map, objects, own_keys, findings);
        let default = || Format {
            plugin: default_plugin("config-map"),
            config: data_key_setting(data_key).into_iter().collect(),
            path: "spec.output.configMap".to_owned(),
        };
        Some(format.cloned().unwrap_or_else(default).output(target?))
    });
    secret.into_iter().chain(config_map).collect()
}

/// The format of variables: that of the targets, or the plugin `secret`, which knows the queries of the original.
pub(super) fn environment(output: &OutputSpec, format: Option<Format>) -> Format {
    format.unwrap_or_else(|| Format {
        plugin: default_plugin("secret"),
        config: secret_settings(output.secret.as_ref()),
        path: "spec.output.secret".to_owned(),
    })
}

fn secret_settings(secret: Option<&SecretOutputSpec>) -> Config {
    let chain_order = secret.and_then(|secret| secret.chain_order).map(|order| match order {
        ChainOrder::EnsureServerFirst => ("chainOrder", "ensureserverfirst"),
    });
    let key_format = secret.and_then(|secret| secret.key_format).map(|format| match format {
        KeyFormat::Pem => ("keyFormat", "pem"),
        KeyFormat::Jwk => ("keyFormat", "jwk"),
        KeyFormat::RawN => ("keyFormat", "raw-n"),
    });
    let settings = chain_order.into_iter().chain(key_format);
    settings.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

fn data_key_setting(data_key: Option<&str>) -> Option<(String, Value)> {
    data_key.map(|key| ("dataKey".to_owned(), Value::from(key)))
}

fn default_plugin(name: &str) -> PluginName {
    PluginName::parse(name).expect("the names of the defaults are written in this file and follow the rule")
}
