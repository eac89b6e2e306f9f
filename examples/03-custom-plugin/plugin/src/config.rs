//! What the author of a resource may say.

use crate::fault::Fault;
use serde::Deserialize;

/// JSON Schema of the config; `akv2k8s lint` and the controller check against it.
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "oneOf": [{"required": ["password"]}, {"required": ["passwordFrom"]}],
  "properties": {
    "certificate": {"type": "string", "description": "Alias of the certificate object. Not needed where there is only one."},
    "alias": {"type": "string", "minLength": 1, "description": "Name of the entry in the keystore. Default: the alias of the certificate object."},
    "password": {"type": "string", "minLength": 6, "description": "Password of the keystore and of its key."},
    "passwordFrom": {"type": "string", "description": "Alias of a secret object that holds the password."},
    "format": {"enum": ["jks", "pkcs12"], "default": "pkcs12"},
    "key": {"type": "string", "pattern": "^[-._a-zA-Z0-9]+$", "description": "Key of the target. Default: keystore.jks or keystore.p12."}
  }
}"#;

/// `keytool` refuses shorter passwords.
pub const SHORTEST_PASSWORD: usize = 6;

/// The config as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Alias of the certificate object.
    pub certificate: Option<String>,
    /// Name of the entry in the keystore.
    pub alias: Option<String>,
    /// The password itself.
    pub password: Option<String>,
    /// Alias of the object that holds the password.
    pub password_from: Option<String>,
    /// Which format.
    #[serde(default)]
    pub format: Format,
    /// Key of the target.
    pub key: Option<String>,
}

/// A format that Java reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Java's own, for what cannot read the other.
    Jks,
    /// PKCS#12, the default of Java since 9.
    #[default]
    Pkcs12,
}

/// What an object is called and what it is; known before anything is read.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its alias in the resource.
    pub alias: String,
    /// `secret`, `certificate`, …
    pub kind: String,
}

/// The config with its references resolved.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Alias of the certificate object.
    pub certificate: String,
    /// Alias of the entry in the keystore.
    pub entry: String,
    /// Where the password is.
    pub password: Password,
    /// Which format.
    pub format: Format,
    /// Key of the target.
    pub key: String,
}

/// Where the password is.
#[derive(Debug, Clone)]
pub enum Password {
    /// In the config.
    Literal(String),
    /// In the object of this alias.
    Object(String),
}

/// Reads the config and finds what it names among `objects`.
pub fn plan(config: &str, target: &str, objects: &[Described]) -> Result<Plan, Fault> {
    if !matches!(target, "secret" | "files") {
        let message = format!(
            "a keystore holds a private key and bytes that are no text: it cannot become a {target}; use a secret"
        );
        return Err(Fault::config("wrong-target", "", message));
    }
    let config: Config = serde_json::from_str(config).map_err(|e| Fault::config("bad-config", "", e.to_string()))?;
    let certificate = certificate(&config, objects)?;
    let password = match (config.password, config.password_from) {
        (Some(text), None) if text.chars().count() < SHORTEST_PASSWORD => {
            return Err(Fault::config(
                "short-password",
                "/password",
                "a keystore's password has at least 6 characters",
            ));
        }
        (Some(text), None) => Password::Literal(text),
        (None, Some(alias)) => {
            let found = objects.iter().find(|o| o.alias == alias);
            match found.map(|o| o.kind.as_str()) {
                Some("secret") => Password::Object(alias),
                Some(kind) => {
                    return Err(Fault::config(
                        "not-a-secret",
                        "/passwordFrom",
                        format!("the object {alias:?} is a {kind}; name a secret"),
                    ));
                }
                None => {
                    return Err(Fault::config(
                        "unknown-object",
                        "/passwordFrom",
                        format!("no object has the alias {alias:?}"),
                    ));
                }
            }
        }
        _ => {
            return Err(Fault::config("password", "/password", "give either password or passwordFrom"));
        }
    };
    let file = match config.format {
        Format::Jks => "keystore.jks",
        Format::Pkcs12 => "keystore.p12",
    };
    Ok(Plan {
        // JKS ignores case and keytool stores lower case, so both formats do.
        entry: config.alias.unwrap_or_else(|| certificate.clone()).to_lowercase(),
        certificate,
        password,
        format: config.format,
        key: config.key.unwrap_or_else(|| file.to_owned()),
    })
}

fn certificate(config: &Config, objects: &[Described]) -> Result<String, Fault> {
    let mut certificates = objects.iter().filter(|o| o.kind == "certificate").map(|o| &o.alias);
    if let Some(alias) = &config.certificate {
        return match certificates.any(|a| a == alias) {
            true => Ok(alias.clone()),
            false => Err(Fault::config(
                "unknown-object",
                "/certificate",
                format!("no certificate object has the alias {alias:?}"),
            )),
        };
    }
    match (certificates.next(), certificates.next()) {
        (Some(alias), None) => Ok(alias.clone()),
        (None, _) => Err(Fault::config("no-certificate", "", "the resource names no object of type certificate")),
        _ => Err(Fault::config(
            "which-certificate",
            "/certificate",
            "the resource names several certificates: say which one in certificate",
        )),
    }
}
