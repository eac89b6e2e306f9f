//! The rules of `AzureKeyVaultPlugin`.

use super::{cel_dns, cel_key, cel_plugin_name, plugin_name_sentence, rules};

rules! {
    /// A plugin's own name is what resources write.
    RESOURCE_NAME = Invalid "plugin-resource-name" at [""], ".metadata.name",
        cel_plugin_name!("self.metadata.name"),
        plugin_name_sentence!();
    /// A source is needed.
    SOURCE_MISSING = Required "plugin-source-missing" at ["spec.source"], "",
        "has(self.configMap) || has(self.file)",
        "say where the plugin's bytes are: `configMap` or `file`";
    /// One source only.
    SOURCE_TWICE = Forbidden "plugin-source-twice" at ["spec.source"], ".file",
        "!has(self.configMap) || !has(self.file)",
        "a plugin has one source: keep `configMap` or `file`";
    /// What may run is pinned.
    SHA256 = Invalid "plugin-sha256" at ["spec.source.configMap.sha256", "spec.source.file.sha256"], "",
        "self.matches('^[0-9a-fA-F]{64}$')",
        "sha256 is 64 hexadecimal digits, as `sha256sum` prints them for the .wasm file";
    /// Where the ConfigMap is.
    NAMESPACE = Invalid "plugin-namespace" at ["spec.source.configMap.namespace"], "",
        "size(self) <= 63 && self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "the name of a namespace is 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit";
    /// The ConfigMap's name.
    CONFIG_MAP_NAME = Invalid "plugin-config-map-name" at ["spec.source.configMap.name"], "",
        cel_dns!(),
        super::secret::TARGET_NAME.sentence;
    /// Its key.
    CONFIG_MAP_KEY = Invalid "plugin-config-map-key" at ["spec.source.configMap.key"], "",
        cel_key!(),
        super::secret::SECRET_DATA_KEY.sentence;
    /// A file stays below the operator's directory.
    SOURCE_PATH = Invalid "plugin-source-path" at ["spec.source.file.path"], "",
        "self.split('/').all(part, part != '' && part != '.' && part != '..')",
        "the path is relative to the plugin directory: no leading or double slash, no `.` or `..` in it";
    /// Limits are numbers with a unit.
    QUANTITY = Invalid "plugin-quantity" at ["spec.limits.memory", "spec.limits.fuel", "spec.limits.output"], "",
        "self.matches('^[1-9][0-9]{0,8}(k|M|G|T|Ki|Mi|Gi|Ti)?$')",
        "a limit is a whole number of at most nine digits, not 0, with k, M, G, T or Ki, Mi, Gi, Ti if wanted, as 64Mi";
    /// A selector's operators.
    SELECTOR = Invalid "plugin-selector" at ["spec.namespaces.matchExpressions[]"], "",
        "self.operator in ['In', 'NotIn'] ? size(self.?values.orValue([])) > 0 : self.operator in ['Exists', 'DoesNotExist'] && size(self.?values.orValue([])) == 0",
        "the operator is In or NotIn with values, or Exists or DoesNotExist without";
}
