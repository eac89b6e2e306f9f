//! Objects in, one entry out.

use crate::certificate;
use crate::config::{self, Described, Format, Password, Plan, SHORTEST_PASSWORD};
use crate::fault::Fault;
use crate::{jks, pkcs12};
use zeroize::Zeroizing;

/// An object with the parts that were read.
pub struct Object {
    /// Alias and kind.
    pub described: Described,
    /// Content type of the private part.
    pub content_type: Option<String>,
    /// Certificate: DER.
    pub public: Option<Vec<u8>>,
    /// Secret: its value. Certificate: PKCS#12 in base64, or PEM.
    pub private: Option<Zeroizing<Vec<u8>>>,
}

/// The keystore and the key of the target where it goes.
pub fn render(config: &str, target: &str, objects: &[Object]) -> Result<(String, Vec<u8>), Fault> {
    let described: Vec<Described> = objects.iter().map(|o| o.described.clone()).collect();
    let plan = config::plan(config, target, &described)?;
    let object = find(objects, &plan.certificate)?;
    let (Some(leaf), Some(private)) = (&object.public, &object.private) else {
        return Err(Fault::input("no-private-key", &plan.certificate, "the certificate came without its private part"));
    };
    let material = certificate::read(&plan.certificate, object.content_type.as_deref(), leaf, private)?;
    let (password, from) = password(&plan, objects)?;
    // JKS has two bytes for the length of a name.
    if plan.entry.len() > 255 {
        return Err(Fault::config("long-alias", "/alias", "an entry's name has at most 255 bytes"));
    }
    let bytes = match plan.format {
        Format::Jks => jks::write(&plan.entry, &password, &material),
        Format::Pkcs12 => pkcs12::write(&plan.entry, &password, from, &material)?,
    };
    Ok((plan.key, bytes))
}

fn find<'a>(objects: &'a [Object], alias: &str) -> Result<&'a Object, Fault> {
    let found = objects.iter().find(|o| o.described.alias == alias);
    found.ok_or_else(|| Fault::input("missing-object", alias, "the object was not given"))
}

/// The password, and the object to name when it cannot be used.
fn password<'a>(plan: &'a Plan, objects: &[Object]) -> Result<(Zeroizing<String>, &'a str), Fault> {
    match &plan.password {
        Password::Literal(text) => Ok((Zeroizing::new(text.clone()), &plan.certificate)),
        Password::Object(alias) => {
            let value = find(objects, alias)?.private.as_ref();
            let value =
                value.ok_or_else(|| Fault::input("missing-object", alias, "the secret came without its value"))?;
            let text = std::str::from_utf8(value)
                .map_err(|_| Fault::input("bad-password", alias, "the password is not text"))?;
            if text.chars().count() < SHORTEST_PASSWORD {
                return Err(Fault::input("short-password", alias, "a keystore's password has at least 6 characters"));
            }
            Ok((Zeroizing::new(text.to_owned()), alias))
        }
    }
}
