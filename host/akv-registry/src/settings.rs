//! What an installation says, and what can be wrong with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use thiserror::Error;

use crate::credential::Token;
use crate::fence::Fence;
use crate::host::Host;
use crate::host_pattern::HostPattern;
use crate::network::Networks;

/// The suffixes of Azure's container registries: of the public cloud, of the United States government's, of China's.
pub const AZURE_REGISTRIES: [&str; 3] = ["azurecr.io", "azurecr.us", "azurecr.cn"];

/// Token services of well-known registries that have one elsewhere.
const REALMS: [(&str, &str); 2] = [("registry-1.docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];

/// Everything that a [`crate::Registry`] is made of.
#[derive(Clone)]
pub struct Settings {
    /// The registries that may be asked: `ghcr.io`, `*.azurecr.io` (the names below), `*` (every name), each with a port
    /// if it is not 443. Where a proxy is used, only entries other than `*` count, and stores that blobs are redirected to
    /// must be listed too.
    pub registries: Vec<String>,
    /// Networks whose addresses may be connected to although they are refused otherwise (CIDR).
    pub allowed_networks: Vec<String>,
    /// Networks whose addresses may not: those of Services and pods (CIDR). Loopback, link-local and metadata addresses
    /// are refused without being listed.
    pub refused_networks: Vec<String>,
    /// Registries that speak plain HTTP, `host` or `host:port`; being here allows them.
    pub insecure: Vec<String>,
    /// Registries and the token services that belong to them though they are on another host, both as in `registries`.
    pub realms: Vec<(String, String)>,
    /// Where to ask first, by the registry that images name (`docker.io` for Docker Hub): `host[:port][/path]`, the path
    /// standing before the repository. Mirrors are allowed by being here, and a registry that is not allowed itself is
    /// read from them alone. They are shown the pull secrets that are written for their own hosts.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// A PEM file of certificate authorities to trust beside the system's.
    pub extra_ca: Option<PathBuf>,
    /// The process environment: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked at, in either case.
    pub environment: BTreeMap<String, String>,
    /// The token exchange for the cloud's registries, if the installation has an identity for it.
    pub exchange: Option<Exchange>,
    /// How long a tag's digest may be used for pods that do not insist on a newer one, and how long an answer that was
    /// given to a credential may be repeated for it.
    pub keep: Duration,
}

impl Settings {
    /// Settings with an allow-list and nothing else.
    pub fn new(registries: Vec<String>) -> Self {
        Self {
            registries,
            allowed_networks: Vec::new(),
            refused_networks: Vec::new(),
            insecure: Vec::new(),
            realms: Vec::new(),
            mirrors: BTreeMap::new(),
            extra_ca: None,
            environment: BTreeMap::new(),
            exchange: None,
            keep: Duration::from_secs(15 * 60),
        }
    }
}

// A proxy's URL may hold a password.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("registries", &self.registries).finish_non_exhaustive()
    }
}

/// Gives a token of the cloud's identity service for its container registries, or one sentence why not.
pub type AccessToken = Arc<dyn Fn() -> BoxFuture<'static, Result<Token, String>> + Send + Sync>;

/// The token exchange of Azure's container registries.
#[derive(Clone)]
pub struct Exchange {
    /// The cloud's suffix, one of [`AZURE_REGISTRIES`] or an own cloud's; registries are one label before it.
    pub suffix: String,
    /// The tenant, where it is known.
    pub tenant: Option<String>,
    /// Where the identity's token comes from; it is sent to the registry's own host and nowhere else.
    pub token: AccessToken,
}

impl Exchange {
    /// Whether a host is one of the cloud's registries: one label, a dot, the suffix, nothing else.
    pub(crate) fn covers(&self, host: &Host) -> bool {
        let text = host.to_string();
        let label = text.strip_suffix(&self.suffix.to_ascii_lowercase()).and_then(|rest| rest.strip_suffix('.'));
        label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
    }
}

/// A registry, or its mirror, where it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: Host,
    /// In front of the repository: nothing, or with its final slash.
    pub(crate) prefix: String,
}

/// What is wrong with the settings.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A text that is not what it should be.
    #[error("{setting}: {text:?} is no {wanted}")]
    Text {
        /// Which setting.
        setting: &'static str,
        /// The text.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The file of certificate authorities.
    #[error("the extra CA file {} cannot be used: {problem}", path.display())]
    Authority {
        /// Where.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// A proxy; its text may hold a password and is not shown.
    #[error("{0} is no URL of an HTTP proxy")]
    Proxy(&'static str),
    /// The HTTP client or the machine's randomness.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

fn wrong(setting: &'static str, wanted: &'static str, text: &str) -> SettingsError {
    SettingsError::Text { setting, text: text.to_owned(), wanted }
}

fn pattern(setting: &'static str, text: &str) -> Result<HostPattern, SettingsError> {
    HostPattern::parse(text).ok_or_else(|| wrong(setting, "host or `*.domain`, with a port if it is not 443", text))
}

fn host(setting: &'static str, text: &str) -> Result<Host, SettingsError> {
    Host::parse(text).ok_or_else(|| wrong(setting, "host with an optional port", text))
}

/// Mirrors by the registry that images name.
pub(crate) type Mirrors = BTreeMap<Host, Vec<Endpoint>>;

/// Reads the mirrors.
pub(crate) fn mirrors(settings: &Settings) -> Result<Mirrors, SettingsError> {
    const WANTED: &str = "host[:port] or host[:port]/path of a mirror";
    let endpoint = |text: &String| {
        let (at, prefix) = text.split_once('/').unwrap_or((text, ""));
        let prefix = prefix.trim_end_matches('/');
        // Whatever can stand before a repository is itself a repository's name.
        let good = prefix.is_empty() || crate::image::is_repository(prefix);
        let found = Host::parse(at).filter(|_| good).ok_or_else(|| wrong("mirrors", WANTED, text))?;
        Ok(Endpoint { host: found, prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") } })
    };
    settings
        .mirrors
        .iter()
        .map(|(of, at)| Ok((host("mirrors", of)?, at.iter().map(endpoint).collect::<Result<_, _>>()?)))
        .collect()
}

/// Reads the fence.
pub(crate) fn fence(settings: &Settings, mirrors: &Mirrors) -> Result<Fence, SettingsError> {
    let mut hosts = Vec::new();
    for text in &settings.registries {
        hosts.push(pattern("registries", text)?);
    }
    // What the administrator made a mirror is allowed with it, and Docker Hub's registry with Docker Hub.
    for endpoint in mirrors.values().flatten() {
        hosts.push(pattern("mirrors", &endpoint.host.to_string())?);
    }
    let hub = host("registries", crate::image::DOCKER_HUB)?;
    if hosts.iter().any(|pattern| pattern.is_named() && pattern.covers(&hub)) {
        hosts.push(pattern("registries", crate::image::HUB_REGISTRY)?);
    }
    let mut realms = Vec::new();
    let listed = settings.realms.iter().map(|(of, at)| (of.as_str(), at.as_str()));
    for (of, at) in REALMS.into_iter().chain(listed) {
        realms.push((pattern("realms", of)?, pattern("realms", at)?));
    }
    if let Some((of, at)) = settings.realms.iter().find(|(_, at)| at == "*") {
        // A credential for whoever asks for it.
        return Err(wrong("realms", "token service of its own", &format!("{of}: {at}")));
    }
    let networks = |setting, texts: &[String]| {
        texts
            .iter()
            .map(|text| text.parse::<ipnet::IpNet>().map_err(|_| wrong(setting, "network like 10.0.0.0/16", text)))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(Fence {
        hosts,
        insecure: settings.insecure.iter().map(|text| host("insecure", text)).collect::<Result<_, _>>()?,
        realms,
        networks: Networks {
            allowed: networks("allowed_networks", &settings.allowed_networks)?,
            refused: networks("refused_networks", &settings.refused_networks)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exchange_is_for_one_label_before_the_suffix() {
        let exchange = |suffix: &str| Exchange {
            suffix: suffix.to_owned(),
            tenant: None,
            token: Arc::new(|| Box::pin(async { Err("none".to_owned()) })),
        };
        for (host, expected) in [
            ("my.azurecr.io", true),
            ("My.AzureCR.io", true),
            ("evil-azurecr.io", false),
            ("azurecr.io", false),
            ("azurecr.io.evil.example", false),
            ("my.azurecr.io.evil.example", false),
            ("a.b.azurecr.io", false),
            ("my.azurecr.io:8443", false),
            ("my.azurecr.us", false),
        ] {
            assert_eq!(exchange("azurecr.io").covers(&Host::parse(host).expect(host)), expected, "{host}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |change: fn(&mut Settings), part: &str| {
            let mut settings = Settings::new(vec!["ghcr.io".to_owned()]);
            change(&mut settings);
            let said = match mirrors(&settings).and_then(|mirrors| fence(&settings, &mirrors)) {
                Ok(_) => "good".to_owned(),
                Err(fault) => fault.to_string(),
            };
            assert!(said.starts_with(part), "{said}");
        };
        check(|_| (), "good");
        check(|s| s.registries.push("https://x".into()), "registries: \"https://x\"");
        check(|s| s.insecure.push("*.x".into()), "insecure: \"*.x\"");
        check(|s| s.refused_networks.push("10.0.0.0".into()), "refused_networks: \"10.0.0.0\"");
        check(|s| s.realms.push(("x.example".into(), "*".into())), "realms: ");
        check(|s| drop(s.mirrors.insert("docker.io".into(), vec!["m.example:5000/hub/x".into()])), "good");
        check(|s| drop(s.mirrors.insert("docker.io".into(), vec!["m.example/../x".into()])), "mirrors: ");
        check(|s| drop(s.mirrors.insert("docker.io/x".into(), vec![])), "mirrors: ");
    }
}
