//! The documents of pull secrets, and which of their credentials are for an image.
//!
//! The rules are kubelet's (`pkg/credentialprovider/{config,keyring}.go`): hosts are globs part by part, the port must be
//! the same, the path is a beginning of the image's, and the entries are tried in descending order of their text, so that
//! `quay.io/team` comes before `quay.io`.

use std::collections::BTreeMap;

use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine};
use serde::Deserialize;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::credential::{Credential, Token};
use crate::glob;
use crate::host::Host;
use crate::image::DOCKER_HUB;

/// Docker Hub's name in Docker's own files, where it is written `https://index.docker.io/v1/`.
const HUB_INDEX: &str = "index.docker.io";

/// The credentials of one pull secret.
#[derive(Debug, Clone)]
pub struct PullSecret(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    /// Host, port and path, without a scheme.
    place: String,
    credential: Credential,
}

/// Which document a pull secret holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `.dockerconfigjson`, of type `kubernetes.io/dockerconfigjson`.
    DockerConfigJson,
    /// `.dockercfg`, of type `kubernetes.io/dockercfg`.
    DockerCfg,
}

/// Why a document is no pull secret. Nothing of its content is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PullSecretError {
    /// No JSON, or not in the form of the format.
    #[error("it is not in the form of a Docker configuration file (line {line}, column {column})")]
    Form {
        /// The line, from one.
        line: usize,
        /// The column, from one.
        column: usize,
    },
    /// An `auth` that is no base64 of `user:password`.
    #[error("an `auth` in it is no base64 of `user:password`")]
    Auth,
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: Option<BTreeMap<String, Login>>,
}

/// Texts of the file, wiped after they were taken over.
#[derive(Default, Deserialize)]
struct Login {
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
}

impl PullSecret {
    /// Reads a document.
    pub fn parse(kind: Kind, bytes: &[u8]) -> Result<Self, PullSecretError> {
        // serde's message would quote the content.
        let form = |fault: serde_json::Error| PullSecretError::Form { line: fault.line(), column: fault.column() };
        let logins = match kind {
            Kind::DockerConfigJson => {
                serde_json::from_slice::<DockerConfig>(bytes).map_err(form)?.auths.unwrap_or_default()
            }
            Kind::DockerCfg => serde_json::from_slice(bytes).map_err(form)?,
        };
        let mut entries = Vec::new();
        // Descending order, as kubelet has it.
        for (key, login) in logins.into_iter().rev() {
            if let Some(credential) = login.credential()? {
                entries.push(Entry { place: place(&key), credential });
            }
        }
        entries.sort_by(|a, b| b.place.cmp(&a.place));
        Ok(Self(entries))
    }
}

impl Login {
    /// The credential; nothing where the entry holds none. `auth` wins over the separate fields.
    fn credential(mut self) -> Result<Option<Credential>, PullSecretError> {
        let take = |text: &mut Option<String>| Token::new(text.take().unwrap_or_default());
        let (mut user, mut password) = (take(&mut self.username), take(&mut self.password));
        let identity = take(&mut self.identitytoken);
        if let Some(mut auth) = self.auth.take().filter(|auth| !auth.is_empty()) {
            let decoded = decode(&auth);
            auth.zeroize();
            (user, password) = decoded.ok_or(PullSecretError::Auth)?;
        }
        Ok(if !identity.expose().is_empty() {
            Some(Credential::Identity(identity))
        } else if user.expose().is_empty() && password.expose().is_empty() {
            None
        } else {
            Some(Credential::Password { user, password })
        })
    }
}

fn decode(auth: &str) -> Option<(Token, Token)> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = Zeroizing::new(GeneralPurpose::new(&STANDARD, config).decode(auth.trim()).ok()?);
    let text = std::str::from_utf8(&bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((Token::new(user.to_owned()), Token::new(password.to_owned())))
}

/// The place of an entry: no scheme, no `/v1` or `/v2` at the beginning of its path, no lone slash.
fn place(key: &str) -> String {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = key.split_at(key.find('/').unwrap_or(key.len()));
    let path = if path.starts_with("/v1/") || path.starts_with("/v2/") { &path[3..] } else { path };
    format!("{host}{}", if path == "/" { "" } else { path })
}

/// The credentials for a repository of a host, best first. They come from all secrets together, as kubelet has it.
pub(crate) fn lookup(secrets: &[PullSecret], host: &Host, repository: &str) -> Vec<Credential> {
    let mut entries: Vec<&Entry> = secrets.iter().flat_map(|secret| &secret.0).collect();
    entries.sort_by(|a, b| b.place.cmp(&a.place));
    let of = |test: &dyn Fn(&str) -> bool| -> Vec<Credential> {
        entries.iter().filter(|entry| test(&entry.place)).map(|entry| entry.credential.clone()).collect()
    };
    let found = of(&|place| covers(place, host, repository));
    if found.is_empty() && host.name() == DOCKER_HUB { of(&|place| place == HUB_INDEX) } else { found }
}

fn covers(place: &str, host: &Host, repository: &str) -> bool {
    let (pattern, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let (pattern, port) = match pattern.rsplit_once(':') {
        Some((pattern, port)) if !port.ends_with(']') => (pattern, Some(port)),
        _ => (pattern, None),
    };
    let pattern = pattern.to_ascii_lowercase();
    let (pattern, name) = (without_brackets(&pattern), without_brackets(host.name()));
    let (wanted, given): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), name.split('.').collect());
    port.map(str::to_owned) == host.port().map(|port| port.to_string())
        && wanted.len() == given.len()
        && wanted.iter().zip(&given).all(|(pattern, part)| glob::matches(pattern, part))
        && format!("/{repository}").starts_with(path)
}

/// An IPv6 address without its brackets, which a glob would take for a class.
fn without_brackets(host: &str) -> &str {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.filter(|inner| inner.contains(':')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;

    fn secret(keys: &[&str]) -> PullSecret {
        let auths: BTreeMap<_, _> =
            keys.iter().map(|key| (key, serde_json::json!({"username": key, "password": "p"}))).collect();
        let text = serde_json::json!({"auths": auths}).to_string();
        PullSecret::parse(Kind::DockerConfigJson, text.as_bytes()).expect("a secret")
    }

    fn users(secrets: &[PullSecret], image: &str) -> Vec<String> {
        let image = Image::parse(image).expect("an image");
        let found = lookup(secrets, image.host(), image.repository());
        found
            .into_iter()
            .map(|one| match one {
                Credential::Password { user, .. } => user.expose().to_owned(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn hosts_match_as_kubelet_matches_them() {
        for (key, image, expected) in [
            ("registry.example", "registry.example/app", true),
            ("https://registry.example/v2/", "registry.example/app", true),
            ("http://Registry.example/", "registry.example/app", true),
            ("registry.example:5000", "registry.example/app", false),
            ("registry.example", "registry.example:5000/app", false),
            ("registry.example:5000", "registry.example:5000/app", true),
            ("*.example", "registry.example/app", true),
            ("*.example", "a.registry.example/app", false),
            ("*", "registry.example/app", false),
            ("reg[a-z]stry.example", "registry.example/app", true),
            ("registry.example/team", "registry.example/team/app", true),
            ("registry.example/team", "registry.example/other/app", false),
            ("registry.example/v1/team", "registry.example/team/app", true),
            ("*.azurecr.io", "evil-azurecr.io/app", false),
            ("*.azurecr.io", "x.azurecr.io.evil.example/app", false),
            ("https://index.docker.io/v1/", "nginx", true),
            ("index.docker.io", "docker.io/library/nginx", true),
            ("docker.io", "nginx", true),
            ("https://index.docker.io/v1/", "quay.io/nginx", false),
            ("[::1]:5000", "[::1]:5000/app", true),
            ("", "nginx", false),
        ] {
            assert_eq!(!users(&[secret(&[key])], image).is_empty(), expected, "{key} {image}");
        }
    }

    #[test]
    fn the_narrower_entry_comes_first_whichever_secret_it_is_in() {
        let secrets = [secret(&["quay.io"]), secret(&["quay.io/team", "*.io"])];
        assert_eq!(users(&secrets, "quay.io/team/app"), ["quay.io/team", "quay.io", "*.io"]);
    }

    #[test]
    fn every_spelling_of_a_credential_is_read() {
        let user = |kind, text: &str| {
            let secret = PullSecret::parse(kind, text.as_bytes())?;
            Ok::<_, PullSecretError>(users(&[secret], "r.example/app").concat())
        };
        let json = |login: &str| user(Kind::DockerConfigJson, &format!(r#"{{"auths":{{"r.example":{login}}}}}"#));
        assert_eq!(json(r#"{"auth":"YTpiOmM="}"#).as_deref(), Ok("a"));
        assert_eq!(json(r#"{"auth":"YTpiOmM"}"#).as_deref(), Ok("a"));
        assert_eq!(json(r#"{"auth":"YTpiOmM=","username":"z"}"#).as_deref(), Ok("a"));
        assert_eq!(json(r#"{"username":"u","password":"p","email":"x"}"#).as_deref(), Ok("u"));
        assert_eq!(json(r#"{"auth":"YTo=","identitytoken":"t"}"#).as_deref(), Ok("Identity(Token(withheld))"));
        assert_eq!(json("{}").as_deref(), Ok(""));
        assert_eq!(user(Kind::DockerCfg, r#"{"r.example":{"auth":"YTpi"}}"#).as_deref(), Ok("a"));
        assert_eq!(user(Kind::DockerConfigJson, "{}").as_deref(), Ok(""));
        for bad in [r#"{"auth":"YWI="}"#, r#"{"auth":"canary!"}"#, r#"{"auth":"/w=="}"#] {
            assert_eq!(json(bad), Err(PullSecretError::Auth), "{bad}");
        }
    }

    #[test]
    fn a_bad_document_is_refused_without_its_content() {
        for bad in ["canary", r#"{"auths":"canary"}"#, r#"{"auths":{"r":{"auth":["canary"]}}}"#, ""] {
            let fault = PullSecret::parse(Kind::DockerConfigJson, bad.as_bytes()).expect_err(bad);
            assert!(!format!("{fault} {fault:?}").contains("canary"), "{fault}");
        }
    }
}
