//! The data of a Secret, by the kind of the object and the type of the Secret.

use crate::config::Config;
use entry::{at, private};
use guest::Fault;
use guest::output::{Description, Entry, Object, Part, Target};
use material::Bundle;

/// Types whose keys are fixed.
const TYPED: [&str; 5] = [
    "kubernetes.io/basic-auth",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/dockercfg",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/tls",
];

/// Whether the key of a single value must be named.
pub fn check(config: &Config, target: &Target, objects: &[Description]) -> Result<(), Fault> {
    objects.iter().try_for_each(entry::check_content_type)?;
    if target.keys_are_aliases() && !is_typed(target) {
        return Ok(());
    }
    let [object] = objects else {
        return Err(Fault::config(
            "one-object",
            "",
            "this type of Secret is made of one object; use a plugin or files for several",
        ));
    };
    let fixed = match object.kind.as_str() {
        "secret" => is_typed(target),
        "certificate" => secret_type(target) == Some("kubernetes.io/tls"),
        "multi-key-value-secret" => true,
        _ => false,
    };
    if !fixed && config.data_key.is_none() {
        return Err(Fault::config("no-data-key", "/dataKey", "dataKey must name the key of the value"));
    }
    Ok(())
}

fn secret_type(target: &Target) -> Option<&str> {
    target.secret_type.as_deref().filter(|t| !t.is_empty())
}

fn is_typed(target: &Target) -> bool {
    secret_type(target).is_some_and(|t| TYPED.contains(&t))
}

/// A certificate is private where its key, or its original material, is written.
pub fn part(target: &Target, object: &Description) -> Part {
    match object.kind.as_str() {
        "certificate" if matches!(secret_type(target), Some("kubernetes.io/tls" | "Opaque")) => Part::Private,
        "certificate" | "key" => Part::Public,
        _ => Part::Private,
    }
}

/// The entries.
pub fn render(config: &Config, target: &Target, objects: &[Object]) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    for object in objects {
        let key = if target.keys_are_aliases() { Some(&object.description.alias) } else { config.data_key.as_ref() };
        let named = || {
            key.cloned()
                .ok_or_else(|| Fault::config("no-data-key", "/dataKey", "dataKey must name the key of the value"))
        };
        match object.description.kind.as_str() {
            "secret" => entries.extend(secret(config, target, object, named)?),
            "certificate" => entries.extend(certificate(config, target, object, named)?),
            "key" => entries.push((named()?, entry::key(object, config.key_format, !target.keys_are_aliases())?)),
            _ => entries.extend(entry::pairs(object)?),
        }
    }
    Ok(entries)
}

fn secret(
    config: &Config,
    target: &Target,
    object: &Object,
    named: impl Fn() -> Result<String, Fault>,
) -> Result<Vec<Entry>, Fault> {
    let value = || private(object).map(<[u8]>::to_vec);
    let fixed = |key: &str| Ok(vec![(key.to_owned(), value()?)]);
    match secret_type(target) {
        Some("kubernetes.io/basic-auth") => {
            let (user, password) = entry::user_and_password(object)?;
            Ok(vec![("username".to_owned(), user), ("password".to_owned(), password)])
        }
        Some("kubernetes.io/dockerconfigjson") => fixed(".dockerconfigjson"),
        Some("kubernetes.io/dockercfg") => fixed(".dockercfg"),
        Some("kubernetes.io/ssh-auth") => fixed("ssh-privatekey"),
        Some("kubernetes.io/tls") => tls(config, object, Bundle::of_secret(private(object)?)),
        _ => Ok(vec![(named()?, value()?)]),
    }
}

fn certificate(
    config: &Config,
    target: &Target,
    object: &Object,
    named: impl Fn() -> Result<String, Fault>,
) -> Result<Vec<Entry>, Fault> {
    let content_type = object.content_type.as_deref();
    match secret_type(target) {
        Some("kubernetes.io/tls") => tls(config, object, Bundle::of_certificate(content_type, private(object)?)),
        Some("Opaque") => {
            let bundle = Bundle::of_certificate(content_type, private(object)?).map_err(at(object))?;
            // The original material is written only where there is a key in it, as the original does.
            bundle.key_pem().map_err(at(object))?;
            let original = match content_type {
                Some("application/x-pkcs12") => material::bundle::decode(private(object)?).map_err(at(object))?,
                _ => private(object)?.to_vec(),
            };
            Ok(vec![(named()?, original)])
        }
        _ => Ok(vec![(named()?, entry::certificate_pem(object)?)]),
    }
}

fn tls(config: &Config, object: &Object, bundle: Result<Bundle, material::Fault>) -> Result<Vec<Entry>, Fault> {
    let bundle = bundle.map_err(at(object))?;
    let bundle = if config.server_first { bundle.server_first() } else { bundle };
    let certificates = bundle.certificates_pem().map_err(at(object))?;
    let key = bundle.key_pem().map_err(at(object))?;
    Ok(vec![("tls.crt".to_owned(), certificates.into_bytes()), ("tls.key".to_owned(), key.into_bytes())])
}
