//! The rules of `AzureKeyVaultSecret`.

use super::{cel_dns, cel_key, cel_plugin_name, plugin_name_sentence, rules};

/// CEL: the resource's own format is at work, neither `plugin` nor `files`.
macro_rules! own_format {
    () => {
        "(self.?output.?plugin.hasValue() || self.?output.?files.hasValue())"
    };
}

/// CEL: a Secret is written whose one object is put under `dataKey`.
macro_rules! secret_data_key_used {
    () => {
        concat!(
            "(!",
            own_format!(),
            " && has(self.vault.object) && self.?output.?secret.?name.orValue('') != '' && (",
            "(self.vault.object.type == 'secret' && !(self.?output.?secret.?type.orValue('') in ['kubernetes.io/tls', ",
            "'kubernetes.io/basic-auth', 'kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg', 'kubernetes.io/ssh-auth'])) || ",
            "(self.vault.object.type == 'certificate' && self.?output.?secret.?type.orValue('') != 'kubernetes.io/tls') || ",
            "self.vault.object.type == 'key'))"
        )
    };
}

/// CEL: a ConfigMap is written whose one object is put under `dataKey`.
macro_rules! config_map_data_key_used {
    () => {
        concat!(
            "(!",
            own_format!(),
            " && has(self.vault.object) && self.?output.?configMap.?name.orValue('') != ''",
            " && self.vault.object.type != 'multi-key-value-secret')"
        )
    };
}

/// CEL: a label or annotation key of the map `self`.
macro_rules! metadata_key {
    () => {
        "self.all(k, size(k) <= 317 && k.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))"
    };
}

rules! {
    /// A vault's name becomes the first label of a host.
    VAULT_NAME = Invalid "vault-name" at ["spec.vault.name"], "",
        "size(self) >= 3 && size(self) <= 24 && self.matches('^[a-zA-Z](-?[a-zA-Z0-9])*$')",
        "a vault name is 3 to 24 letters, digits and single hyphens, beginning with a letter and ending with a letter or digit";
    /// One of the two ways to name objects is needed.
    OBJECT_MISSING = Required "object-missing" at ["spec.vault"], ".object",
        "has(self.object) || has(self.objects)",
        "say what to read: `object`, or `objects` for several";
    /// The two ways to name objects exclude each other.
    OBJECT_AND_OBJECTS = Forbidden "object-and-objects" at ["spec.vault"], ".object",
        "!has(self.object) || !has(self.objects)",
        "`object` and `objects` exclude each other: keep one of them";
    /// An object's name becomes part of a URL.
    OBJECT_NAME = Invalid "object-name" at ["spec.vault.object.name", "spec.vault.objects[].name"], "",
        "size(self) <= 127 && self.matches('^[a-zA-Z0-9-]+$')",
        "an object name is 1 to 127 letters, digits and hyphens";
    /// A version becomes part of a URL; an empty one means the latest.
    OBJECT_VERSION = Invalid "object-version" at ["spec.vault.object.version", "spec.vault.objects[].version"], "",
        "self == '' || self.matches('^[0-9a-fA-F]{32}$')",
        "a version is 32 hexadecimal digits, as Key Vault shows them; leave it away for the latest";
    /// A multi-key value is not parsed by guessing.
    CONTENT_TYPE_MISSING = Required "content-type-missing" at ["spec.vault.object", "spec.vault.objects[]"], ".contentType",
        "self.type != 'multi-key-value-secret' || has(self.contentType)",
        "say how the value of a multi-key-value-secret is written: application/x-json or application/x-yaml";
    /// A list of objects holds at least one.
    OBJECTS_EMPTY = Required "objects-empty" at ["spec.vault.objects"], "",
        "size(self) > 0",
        "`objects` is empty: name at least one object";
    /// An alias is a key of the target.
    ALIAS = Invalid "alias" at ["spec.vault.objects[].as"], "",
        cel_key!(),
        "an alias is 1 to 253 letters, digits, hyphens, underscores and dots, and does not begin with two dots";
    /// Aliases are unique.
    ALIAS_TWICE = Invalid "alias-twice" at ["spec.vault.objects"], "",
        "self.all(o, self.exists_one(p, p.__as__ == o.__as__))",
        "each object needs an alias of its own: `as` is used twice";

    /// Names of targets; an empty one always meant no target.
    TARGET_NAME = Invalid "target-name" at ["spec.output.secret.name", "spec.output.configMap.name"], "",
        concat!("self == '' || (", cel_dns!(), ")"),
        "the name of a Secret or ConfigMap is 1 to 253 lower-case letters, digits, hyphens and dots, each part beginning and ending with a letter or digit";
    /// Secrets of these types mint credentials.
    TOKEN_TYPE = Forbidden "token-type" at ["spec.output.secret"], ".type",
        "!(self.?type.orValue('') in ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token'])",
        "a Secret of this type mints credentials and is never written: use another type";
    /// The key of a Secret that holds one object.
    SECRET_DATA_KEY_MISSING = Required "secret-data-key-missing" at ["spec"], ".output.secret.dataKey",
        concat!("!", secret_data_key_used!(), " || self.?output.?secret.?dataKey.orValue('') != ''"),
        "say under which key the value goes: this Secret needs a `dataKey`";
    /// The syntax of that key.
    SECRET_DATA_KEY = Invalid "secret-data-key" at ["spec"], ".output.secret.dataKey",
        concat!("!", secret_data_key_used!(), " || [self.?output.?secret.?dataKey.orValue('')].all(k, size(k) <= 253 && k.matches('^[-._a-zA-Z0-9]*$') && !k.startsWith('..') && k != '.')"),
        "a data key is 1 to 253 letters, digits, hyphens, underscores and dots, and does not begin with two dots";
    /// The key of a ConfigMap that holds one object.
    CONFIG_MAP_DATA_KEY_MISSING = Required "config-map-data-key-missing" at ["spec"], ".output.configMap.dataKey",
        concat!("!", config_map_data_key_used!(), " || self.?output.?configMap.?dataKey.orValue('') != ''"),
        "say under which key the value goes: this ConfigMap needs a `dataKey`";
    /// The syntax of that key.
    CONFIG_MAP_DATA_KEY = Invalid "config-map-data-key" at ["spec"], ".output.configMap.dataKey",
        concat!("!", config_map_data_key_used!(), " || [self.?output.?configMap.?dataKey.orValue('')].all(k, size(k) <= 253 && k.matches('^[-._a-zA-Z0-9]*$') && !k.startsWith('..') && k != '.')"),
        SECRET_DATA_KEY.sentence;
    /// With `objects` the alias is the key of a Secret.
    SECRET_OBJECTS_DATA_KEY = Forbidden "secret-objects-data-key" at ["spec"], ".output.secret.dataKey",
        concat!(own_format!(), " || !has(self.vault.objects) || self.?output.?secret.?dataKey.orValue('') == ''"),
        "with `objects` the alias of each object is its key: remove `dataKey`";
    /// With `objects` the alias is the key of a ConfigMap.
    CONFIG_MAP_OBJECTS_DATA_KEY = Forbidden "config-map-objects-data-key" at ["spec"], ".output.configMap.dataKey",
        concat!(own_format!(), " || !has(self.vault.objects) || self.?output.?configMap.?dataKey.orValue('') == ''"),
        SECRET_OBJECTS_DATA_KEY.sentence;
    /// A typed Secret's keys come from one object.
    TYPED_SECRET_OBJECTS = Invalid "typed-secret-objects" at ["spec"], ".output.secret.type",
        concat!(own_format!(), " || !has(self.vault.objects) || size(self.vault.objects) < 2 || ",
            "!(self.?output.?secret.?type.orValue('') in ['kubernetes.io/tls', 'kubernetes.io/basic-auth', ",
            "'kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg', 'kubernetes.io/ssh-auth'])"),
        "a Secret of this type takes one object: name one, or let a `plugin` or `files` make its keys";
    /// A key has no certificate.
    KEY_AS_TLS = Invalid "key-as-tls" at ["spec"], ".output.secret.type",
        concat!(own_format!(), " || self.?output.?secret.?type.orValue('') != 'kubernetes.io/tls' || ",
            "self.?output.?secret.?name.orValue('') == '' || !(self.?vault.?object.?type.orValue('') == 'key' || ",
            "(has(self.vault.objects) && self.vault.objects.exists(o, o.type == 'key')))"),
        "a key object has no certificate: kubernetes.io/tls needs a certificate, or a secret that holds PKCS#12";
    /// `keyFormat` speaks of keys.
    KEY_FORMAT_WITHOUT_KEY = Invalid "key-format-without-key" at ["spec"], ".output.secret.keyFormat",
        "!self.?output.?secret.?keyFormat.hasValue() || self.?vault.?object.?type.orValue('') == 'key' || (has(self.vault.objects) && self.vault.objects.exists(o, o.type == 'key'))",
        "`keyFormat` says how a key object is written, and this resource names none: remove it";

    /// Two formats at once.
    PLUGIN_AND_FILES = Forbidden "plugin-and-files" at ["spec.output"], ".files",
        "!has(self.plugin) || !has(self.files)",
        "a resource has one format: keep `plugin` or `files`";
    /// A format that names its own keys, beside a key for the Secret.
    SECRET_FORMAT_DATA_KEY = Forbidden "secret-format-data-key" at ["spec.output"], ".secret.dataKey",
        "!(has(self.plugin) || has(self.files)) || self.?secret.?dataKey.orValue('') == ''",
        "`plugin` and `files` name their own keys: remove `dataKey`";
    /// A format that names its own keys, beside a key for the ConfigMap.
    CONFIG_MAP_FORMAT_DATA_KEY = Forbidden "config-map-format-data-key" at ["spec.output"], ".configMap.dataKey",
        "!(has(self.plugin) || has(self.files)) || self.?configMap.?dataKey.orValue('') == ''",
        SECRET_FORMAT_DATA_KEY.sentence;
    /// A setting of the default format beside another format.
    FORMAT_CHAIN_ORDER = Forbidden "format-chain-order" at ["spec.output"], ".secret.chainOrder",
        "!(has(self.plugin) || has(self.files)) || !self.?secret.?chainOrder.hasValue()",
        "`chainOrder` is a setting of the default format: remove it beside `plugin` or `files`";
    /// A setting of the default format beside another format.
    FORMAT_KEY_FORMAT = Forbidden "format-key-format" at ["spec.output"], ".secret.keyFormat",
        "!(has(self.plugin) || has(self.files)) || !self.?secret.?keyFormat.hasValue()",
        "`keyFormat` is a setting of the default format: remove it beside `plugin` or `files`";
    /// The syntax of a plugin's name.
    PLUGIN_NAME = Invalid "plugin-name" at ["spec.output.plugin.name", "spec.output.pipeline[].plugin"], "",
        cel_plugin_name!("self"),
        plugin_name_sentence!();

    /// The two ways to transform exclude each other.
    TRANSFORM_AND_PIPELINE = Forbidden "transform-and-pipeline" at ["spec.output"], ".transform",
        "!has(self.transform) || !has(self.pipeline)",
        "`transform` and `pipeline` exclude each other: keep one of them";
    /// A pipeline has a step.
    PIPELINE_EMPTY = Required "pipeline-empty" at ["spec.output.pipeline"], "",
        "size(self) > 0",
        "`pipeline` is empty: name at least one step, or remove it";
    /// Steps touch secrets.
    PIPELINE_WITHOUT_SECRET = Invalid "pipeline-without-secret" at ["spec"], ".output.pipeline",
        "!self.?output.?pipeline.hasValue() || self.?vault.?object.?type.orValue('secret') == 'secret' && (!has(self.vault.objects) || self.vault.objects.exists(o, o.type == 'secret'))",
        "a pipeline touches objects of type secret only, and this resource names none: remove `pipeline`";
    /// A step that names nothing.
    ONLY_EMPTY = Required "only-empty" at ["spec.output.pipeline[].only"], "",
        "size(self) > 0",
        "`only` is empty: name at least one alias, or remove it for all secrets";
    /// A step that names what is not there.
    ONLY_UNKNOWN = Invalid "only-unknown" at ["spec"], ".output.pipeline",
        "!self.?output.?pipeline.hasValue() || self.output.pipeline.all(s, !has(s.only) || s.only.all(a, (has(self.vault.object) && self.vault.object.name == a && self.vault.object.type == 'secret') || (has(self.vault.objects) && self.vault.objects.exists(o, o.__as__ == a && o.type == 'secret'))))",
        "`only` names aliases of this resource's objects of type secret (with `object`, its name)";

    /// A list of files holds at least one.
    FILES_EMPTY = Required "files-empty" at ["spec.output.files"], "",
        "size(self) > 0",
        "`files` is empty: give at least one file, or remove it";
    /// A file's path is a key of the target.
    FILE_PATH = Invalid "file-path" at ["spec.output.files[].path"], "",
        cel_key!(),
        "the path of a file is a key of its target: 1 to 253 letters, digits, hyphens, underscores and dots, not beginning with two dots";
    /// Paths are unique.
    FILE_PATH_TWICE = Invalid "file-path-twice" at ["spec.output.files"], "",
        "self.all(f, self.exists_one(g, g.path == f.path))",
        "each file needs a path of its own: `path` is used twice";

    /// Keys of labels and annotations.
    METADATA_KEY = Invalid "metadata-key" at ["spec.output.secret.metadata.labels", "spec.output.secret.metadata.annotations",
            "spec.output.configMap.metadata.labels", "spec.output.configMap.metadata.annotations"], "",
        metadata_key!(),
        "the key of a label or annotation is a name of at most 63 characters, with a DNS name and a slash before it if wanted";
    /// Values of labels.
    LABEL_VALUE = Invalid "label-value" at ["spec.output.secret.metadata.labels{}", "spec.output.configMap.metadata.labels{}"], "",
        "size(self) <= 63 && self.matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$')",
        "the value of a label is at most 63 letters, digits, hyphens, underscores and dots, beginning and ending with a letter or digit";
}
