//! The value of a variable: what a reference `name@azurekeyvault?query` means.

use crate::config::Config;
use entry::{KeyFormat, at, private};
use guest::Fault;
use guest::output::{Description, Entry, Object, Part, Target};
use material::Bundle;

/// Whether the query fits the object.
pub fn check(target: &Target, objects: &[Description]) -> Result<(), Fault> {
    objects.iter().try_for_each(entry::check_content_type)?;
    let Some(object) = chosen(target, objects, |d| d)? else {
        return Ok(());
    };
    match (object.kind.as_str(), target.query.as_deref()) {
        ("secret", Some(query)) if objects.len() == 1 && !matches!(query, "username" | "password") => {
            Err(Fault::config("unknown-query", "", "after `?` a secret knows username and password"))
        }
        ("multi-key-value-secret", None) => {
            Err(Fault::config("no-query", "", "name the key of a multi-key value after `?`"))
        }
        _ => Ok(()),
    }
}

/// With several objects the query is an alias.
fn chosen<'a, T>(
    target: &Target,
    objects: &'a [T],
    described: impl Fn(&T) -> &Description,
) -> Result<Option<&'a T>, Fault> {
    if objects.len() <= 1 {
        return Ok(objects.first());
    }
    let names: Vec<&str> = objects.iter().map(|o| described(o).alias.as_str()).collect();
    let message = || format!("the resource has several objects; name one of {} after `?`", names.join(", "));
    let query = target.query.as_deref().ok_or_else(|| Fault::config("no-query", "", message()))?;
    let found = objects.iter().find(|o| described(o).alias == query);
    found.map(Some).ok_or_else(|| Fault::config("unknown-query", "", message()))
}

/// A certificate is private where its key is asked for.
pub fn part(target: &Target, object: &Description) -> Part {
    match object.kind.as_str() {
        "certificate" if target.query.as_deref() == Some("tls.key") => Part::Private,
        "certificate" | "key" => Part::Public,
        _ => Part::Private,
    }
}

/// One entry. Its key is the query, or `value`.
pub fn render(config: &Config, target: &Target, objects: &[Object]) -> Result<Vec<Entry>, Fault> {
    let Some(object) = chosen(target, objects, |o| &o.description)? else {
        return Ok(Vec::new());
    };
    let query = target.query.as_deref().filter(|_| objects.len() == 1);
    let value = match (object.description.kind.as_str(), query) {
        ("secret", None) => private(object)?.to_vec(),
        ("secret", Some("username")) => entry::user_and_password(object)?.0,
        ("secret", Some("password")) => entry::user_and_password(object)?.1,
        ("secret", Some(_)) => {
            return Err(Fault::config("unknown-query", "", "after `?` a secret knows username and password"));
        }
        ("certificate", Some("tls.key")) => {
            let bundle =
                Bundle::of_certificate(object.content_type.as_deref(), private(object)?).map_err(at(object))?;
            bundle.key_pem().map_err(at(object))?.into_bytes()
        }
        ("certificate", Some("raw")) => entry::public(object)?.to_vec(),
        ("certificate", _) => entry::certificate_pem(object)?,
        ("key", query) => entry::key(object, query.and_then(KeyFormat::parse).or(config.key_format), false)?,
        (_, None) => {
            return Err(Fault::config("no-query", "", "name the key of a multi-key value after `?`"));
        }
        (_, Some(key)) => pair(object, key)?,
    };
    Ok(vec![(target.query.clone().unwrap_or_else(|| "value".to_owned()), value)])
}

fn pair(object: &Object, key: &str) -> Result<Vec<u8>, Fault> {
    let found = entry::pairs(object)?.into_iter().find(|(name, _)| name == key);
    found.map(|(_, value)| value).ok_or_else(|| {
        Fault::input("no-such-key", Some(&object.description.alias), "the multi-key value has no such key")
    })
}
