//! `spec.output.secret` and `spec.output.configMap`: where entries go, and under which key a single value goes.

use super::findings::Findings;
use super::vault::Written;
use crate::{Metadata, Target, syntax};
use akv_api::rule::{Rule, bound, secret as rule};
use akv_api::secret::{ConfigMapOutputSpec, MetadataSpec, ObjectType, SecretOutputSpec};
use std::collections::BTreeMap;

const TLS: &str = "kubernetes.io/tls";
/// Types whose keys Kubernetes fixes.
const TYPED: [&str; 5] = [
    TLS,
    "kubernetes.io/basic-auth",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/dockercfg",
    "kubernetes.io/ssh-auth",
];
/// Types that make Kubernetes hand out credentials.
const TOKEN: [&str; 2] = ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"];

/// The Secret and the key of a single value. No target without a name, as ever: the resource then serves injection only.
/// With `own_keys` a plugin or `files` decides about keys.
pub(super) fn secret<'a>(
    secret: &'a SecretOutputSpec,
    objects: &[Written<'_>],
    own_keys: bool,
    findings: &mut Findings,
) -> (Option<Target>, Option<&'a str>) {
    let path = |field: &str| format!("spec.output.secret.{field}");
    let named = name(&secret.name, &path("name"), findings);
    let secret_type = secret.secret_type.as_deref().filter(|text| !text.is_empty());
    let written_type = secret_type.unwrap_or_default();
    let typed = TYPED.contains(&written_type);
    let tls = written_type == TLS;
    let key = objects.iter().any(|o| o.kind == ObjectType::Key);
    let several = objects.iter().filter(|o| !o.single).count() > 1;

    findings.keep(&rule::TOKEN_TYPE, path("type"), !TOKEN.contains(&written_type));
    findings.keep(&rule::TYPED_SECRET_OBJECTS, path("type"), own_keys || !several || !typed);
    findings.keep(&rule::KEY_AS_TLS, path("type"), own_keys || !named || !tls || !key);
    if written_type != "Opaque" && written_type.eq_ignore_ascii_case("Opaque") {
        findings.warn(path("type"), "Kubernetes spells the type `Opaque`; any other spelling is a type of its own");
    }
    let uses = |kind| match kind {
        ObjectType::Secret => !typed,
        ObjectType::Certificate => !tls,
        ObjectType::Key => true,
        ObjectType::MultiKeyValueSecret => false,
    };
    let used = named && !own_keys && objects.iter().any(|o| o.single && uses(o.kind));
    let rules = [
        &rule::SECRET_DATA_KEY_MISSING,
        &rule::SECRET_DATA_KEY,
        &rule::SECRET_OBJECTS_DATA_KEY,
        &rule::SECRET_FORMAT_DATA_KEY,
    ];
    let data_key = data_key(secret.data_key.as_deref(), &path("dataKey"), rules, used, own_keys, objects, findings);

    let order = secret.chain_order.is_some();
    findings.keep(&rule::FORMAT_CHAIN_ORDER, path("chainOrder"), !own_keys || !order);
    let ordered = |o: &Written<'_>| matches!(o.kind, ObjectType::Secret | ObjectType::Certificate);
    if order && !own_keys && !(tls && objects.iter().any(ordered)) {
        findings
            .warn(path("chainOrder"), "`chainOrder` is about Secrets of type kubernetes.io/tls: it is ignored here");
    }
    let key_format = secret.key_format.is_some();
    findings.keep(&rule::KEY_FORMAT_WITHOUT_KEY, path("keyFormat"), !key_format || key);
    findings.keep(&rule::FORMAT_KEY_FORMAT, path("keyFormat"), !own_keys || !key_format);

    let metadata = metadata(secret.metadata.as_ref(), "spec.output.secret.metadata", findings);
    let secret_type = secret_type.map(str::to_owned);
    let target = named.then(|| Target::Secret { name: secret.name.clone(), secret_type, metadata });
    (target, data_key)
}

/// The same for a ConfigMap.
pub(super) fn config_map<'a>(
    config_map: &'a ConfigMapOutputSpec,
    objects: &[Written<'_>],
    own_keys: bool,
    findings: &mut Findings,
) -> (Option<Target>, Option<&'a str>) {
    let named = name(&config_map.name, "spec.output.configMap.name", findings);
    let single = |o: &Written<'_>| o.single && o.kind != ObjectType::MultiKeyValueSecret;
    let used = named && !own_keys && objects.iter().any(single);
    let rules = [
        &rule::CONFIG_MAP_DATA_KEY_MISSING,
        &rule::CONFIG_MAP_DATA_KEY,
        &rule::CONFIG_MAP_OBJECTS_DATA_KEY,
        &rule::CONFIG_MAP_FORMAT_DATA_KEY,
    ];
    let written = config_map.data_key.as_deref();
    let data_key = data_key(written, "spec.output.configMap.dataKey", rules, used, own_keys, objects, findings);
    let metadata = metadata(config_map.metadata.as_ref(), "spec.output.configMap.metadata", findings);
    let target = named.then(|| Target::ConfigMap { name: config_map.name.clone(), metadata });
    (target, data_key)
}

/// Whether a target is named; an illegal name is a fault, an empty one a warning.
fn name(name: &str, path: &str, findings: &mut Findings) -> bool {
    if name.is_empty() {
        findings.warn(path, "without a name nothing is written here: the resource serves the env injector only");
    } else {
        findings.keep(&rule::TARGET_NAME, path, syntax::is_dns_name(name));
    }
    !name.is_empty()
}

/// The key of a single value if the target has one. The rules are: missing, syntax, beside `objects`, beside a format.
fn data_key<'a>(
    written: Option<&'a str>,
    path: &str,
    [missing, wrong, beside_objects, beside_format]: [&Rule; 4],
    used: bool,
    own_keys: bool,
    objects: &[Written<'_>],
    findings: &mut Findings,
) -> Option<&'a str> {
    let Some(key) = written.filter(|key| !key.is_empty()) else {
        findings.keep(missing, path, !used);
        return None;
    };
    let several = objects.iter().any(|o| !o.single);
    findings.keep(beside_format, path, !own_keys);
    findings.keep(beside_objects, path, own_keys || !several);
    findings.keep(wrong, path, !used || syntax::is_key(key));
    if !used && !own_keys && !several {
        findings.warn(path, "`dataKey` is ignored: the object or the type of the Secret decides the keys");
    }
    used.then_some(key)
}

fn metadata(written: Option<&MetadataSpec>, path: &str, findings: &mut Findings) -> Metadata {
    let mut map = |field: &str, values: Option<&BTreeMap<String, String>>| {
        let values = values.cloned().unwrap_or_default();
        let path = format!("{path}.{field}");
        findings.at_most(&path, values.len(), bound::METADATA);
        findings.keep(&rule::METADATA_KEY, path.as_str(), values.keys().all(|key| syntax::is_metadata_key(key)));
        for (key, value) in &values {
            let path = format!("{path}[{key}]");
            if field == "labels" {
                findings.keep(&rule::LABEL_VALUE, path, syntax::is_label_value(value));
            } else if value.chars().count() > bound::ANNOTATION {
                findings.say(path, format!("an annotation has at most {} characters", bound::ANNOTATION));
            }
        }
        values
    };
    Metadata {
        labels: map("labels", written.and_then(|metadata| metadata.labels.as_ref())),
        annotations: map("annotations", written.and_then(|metadata| metadata.annotations.as_ref())),
    }
}
