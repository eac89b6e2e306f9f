//! The data of a ConfigMap: text only, public things mostly.

use entry::{KeyFormat, private};
use guest::Fault;
use guest::output::{Description, Entry, Object, Part, Target};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    data_key: Option<String>,
    key_format: Option<String>,
}

fn parse(text: &str) -> Result<(Option<String>, Option<KeyFormat>), Fault> {
    let config: Config = serde_json::from_str(text)
        .map_err(|e| Fault::config("bad-config", "", format!("the config is not readable: {e}")))?;
    let unknown = || Fault::config("bad-key-format", "/keyFormat", "keyFormat is pem, jwk or raw-n");
    let format = config.key_format.map(|word| KeyFormat::parse(&word).ok_or_else(unknown)).transpose()?;
    Ok((config.data_key.filter(|k| !k.is_empty()), format))
}

/// Whether the key of a single value is named.
pub fn check(config: &str, target: &Target, objects: &[Description]) -> Result<(), Fault> {
    let (data_key, _) = parse(config)?;
    if target.kind != "config-map" {
        return Err(Fault::config("wrong-target", "", format!("this plugin writes a ConfigMap, not {}", target.kind)));
    }
    objects.iter().try_for_each(entry::check_content_type)?;
    let single = objects.iter().any(|d| d.kind != "multi-key-value-secret") && !target.keys_are_aliases();
    if single && data_key.is_none() {
        return Err(Fault::config("no-data-key", "/dataKey", "dataKey must name the key of the value"));
    }
    Ok(())
}

/// Certificates and keys are public here.
pub fn needs(config: &str, _target: &Target, objects: &[Description]) -> Result<Vec<(String, Part)>, Fault> {
    parse(config)?;
    let part = |d: &Description| {
        if entry::is_private(d) { Part::Private } else { Part::Public }
    };
    Ok(objects.iter().map(|d| (d.alias.clone(), part(d))).collect())
}

/// The entries. That they are text is checked by the host for every plugin.
pub fn render(config: &str, target: &Target, objects: &[Object]) -> Result<Vec<Entry>, Fault> {
    let (data_key, format) = parse(config)?;
    let mut entries = Vec::new();
    for object in objects {
        let key = if target.keys_are_aliases() { Some(&object.description.alias) } else { data_key.as_ref() };
        let named = || {
            key.cloned()
                .ok_or_else(|| Fault::config("no-data-key", "/dataKey", "dataKey must name the key of the value"))
        };
        match object.description.kind.as_str() {
            "secret" => entries.push((named()?, private(object)?.to_vec())),
            "certificate" => entries.push((named()?, entry::certificate_pem(object)?)),
            "key" => entries.push((named()?, entry::key(object, format, false)?)),
            _ => entries.extend(entry::pairs(object)?),
        }
    }
    Ok(entries)
}
