//! What one vault object becomes: shared by the default outputs, so that a Secret, a ConfigMap, a file and a variable
//! hold the same bytes.

use guest::Fault;
use guest::output::{Description, Object};
use material::{chain, jwk};

/// How a key object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// SubjectPublicKeyInfo as PEM.
    Pem,
    /// The JSON Web Key.
    Jwk,
    /// The raw modulus of an RSA key.
    RawN,
}

impl KeyFormat {
    /// The words of `keyFormat` and of a query.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "pem" => Some(Self::Pem),
            "jwk" => Some(Self::Jwk),
            "raw-n" => Some(Self::RawN),
            _ => None,
        }
    }
}

/// The public part, which the host has read because `needs` said so.
pub fn public(object: &Object) -> Result<&[u8], Fault> {
    let missing = || Fault::input("nothing-read", Some(&object.description.alias), "the public part was not read");
    object.public.as_deref().ok_or_else(missing)
}

/// The private part, which the host has read because `needs` said so.
pub fn private(object: &Object) -> Result<&[u8], Fault> {
    let missing = || Fault::input("nothing-read", Some(&object.description.alias), "the private part was not read");
    object.private.as_deref().ok_or_else(missing)
}

/// Says which object a fault of the material belongs to, with line and column where the material is a text.
pub fn at<'a>(object: &'a Object) -> impl Fn(material::Fault) -> Fault + 'a {
    |fault| {
        let alias = &object.description.alias;
        let place = fault.place.map_or_else(|| alias.clone(), |(line, column)| format!("{alias}:{line}:{column}"));
        Fault::input(fault.code, Some(&place), fault.message)
    }
}

/// A certificate's public chain as PEM.
pub fn certificate_pem(object: &Object) -> Result<Vec<u8>, Fault> {
    chain::public_pem(public(object)?).map(String::into_bytes).map_err(at(object))
}

/// A key. Without a format an RSA key is its modulus, as the original has it, where bytes are fine; elsewhere, and for
/// any other kind of key, it is PEM.
pub fn key(object: &Object, format: Option<KeyFormat>, bytes_are_fine: bool) -> Result<Vec<u8>, Fault> {
    let jwk = public(object)?;
    let format = match format {
        Some(format) => format,
        None if bytes_are_fine && jwk::is_rsa(jwk).map_err(at(object))? => KeyFormat::RawN,
        None => KeyFormat::Pem,
    };
    match format {
        KeyFormat::Pem => jwk::to_pem(jwk).map(String::into_bytes),
        KeyFormat::Jwk => Ok(jwk.to_vec()),
        KeyFormat::RawN => jwk::raw_n(jwk),
    }
    .map_err(at(object))
}

/// Pairs of a multi-key value.
pub fn pairs(object: &Object) -> Result<material::multi::Pairs, Fault> {
    material::multi::parse(object.description.attribute("content-type"), private(object)?).map_err(at(object))
}

/// User name and password, split at the first colon.
pub fn user_and_password(object: &Object) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let value = private(object)?;
    let colon = value.iter().position(|b| *b == b':');
    let colon = colon
        .ok_or_else(|| Fault::input("no-colon", Some(&object.description.alias), "the value is not user:password"))?;
    Ok((value[..colon].to_vec(), value[colon + 1..].to_vec()))
}

/// Whether the object's content is a private part alone.
pub fn is_private(description: &Description) -> bool {
    matches!(description.kind.as_str(), "secret" | "multi-key-value-secret")
}

/// A multi-key value needs to be told how it is written.
pub fn check_content_type(description: &Description) -> Result<(), Fault> {
    let known = matches!(description.attribute("content-type"), Some("application/x-json" | "application/x-yaml"));
    if description.kind == "multi-key-value-secret" && !known {
        return Err(Fault::config(
            "no-content-type",
            description.alias.clone(),
            "contentType must be application/x-json or application/x-yaml",
        ));
    }
    Ok(())
}
