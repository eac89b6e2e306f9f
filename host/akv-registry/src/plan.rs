//! Where to ask for an image, and as whom, in which order.
//!
//! Mirrors come before the registry. At each place come the pull secrets that match it, then the identity of the cloud if the
//! place is one of the cloud's registries, and nobody in particular if no pull secret matched. A credential is for the host
//! that it was written for: that of a registry is not shown to its mirror.

use tokio::time::Instant;

use crate::credential::{Credential, Fingerprint, Fingerprints};
use crate::fault::Fault;
use crate::fence::Fence;
use crate::host::Host;
use crate::image::{DOCKER_HUB, HUB_REGISTRY, Image};
use crate::pull_secret::{self, PullSecret};
use crate::settings::{Endpoint, Exchange, Mirrors};

/// More pull secrets than this are not tried at one place: each wrong one is a request that counts as an attack.
const MOST_SECRETS: usize = 4;

/// A place, and who asks there.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) endpoint: Endpoint,
    pub(crate) credential: Credential,
    pub(crate) repository: String,
}

/// The attempts for an image, never none.
#[derive(Debug, Clone)]
pub(crate) struct Plan(Vec<Attempt>);

impl Plan {
    /// Makes the plan; a registry that is not listed is left to its mirrors, and refused if it has none.
    pub(crate) fn new(
        image: &Image,
        secrets: &[PullSecret],
        fence: &Fence,
        mirrors: &Mirrors,
        exchange: Option<&Exchange>,
    ) -> Result<Self, Fault> {
        let mut attempts = Vec::new();
        for endpoint in mirrors.get(image.host()).into_iter().flatten() {
            let named = endpoint.host.clone();
            attempts.extend(at(endpoint.clone(), &named, image, secrets, fence, exchange));
        }
        if fence.lists(image.host()) {
            let hub = (image.host().name() == DOCKER_HUB).then(|| Host::parse(HUB_REGISTRY)).flatten();
            let host = hub.unwrap_or_else(|| image.host().clone());
            let endpoint = Endpoint { host, prefix: String::new() };
            attempts.extend(at(endpoint, image.host(), image, secrets, fence, exchange));
        }
        if attempts.is_empty() { Err(Fault::NotListed(image.host().clone())) } else { Ok(Self(attempts)) }
    }

    /// The attempts in their order.
    pub(crate) fn attempts(&self) -> &[Attempt] {
        &self.0
    }

    /// Which places and credentials an answer to this plan is good for.
    pub(crate) fn fingerprint(&self, prints: &Fingerprints) -> Fingerprint {
        prints.of(self.0.iter().map(|attempt| (attempt.endpoint.host.to_string(), &attempt.credential)))
    }
}

/// The attempts at one place, which pull secrets know as `named`.
fn at(
    endpoint: Endpoint,
    named: &Host,
    image: &Image,
    secrets: &[PullSecret],
    fence: &Fence,
    exchange: Option<&Exchange>,
) -> Vec<Attempt> {
    let repository = format!("{}{}", endpoint.prefix, image.repository());
    let mut credentials = pull_secret::lookup(secrets, named, &repository);
    credentials.truncate(MOST_SECRETS);
    let nobody = credentials.is_empty();
    if exchange.is_some_and(|exchange| exchange.covers(&endpoint.host)) && !fence.is_insecure(&endpoint.host) {
        credentials.push(Credential::Exchange);
    }
    if nobody {
        credentials.push(Credential::Anonymous);
    }
    credentials
        .into_iter()
        .map(|credential| Attempt { endpoint: endpoint.clone(), credential, repository: repository.clone() })
        .collect()
}

/// Goes through the attempts from one of them on, and remembers what to say if none succeeds.
pub(crate) struct Course<'a> {
    rest: std::iter::Enumerate<std::slice::Iter<'a, Attempt>>,
    current: Option<&'a Endpoint>,
    last: Option<&'a Endpoint>,
    /// An endpoint where another credential is of no use.
    given_up: Option<&'a Endpoint>,
    /// The first fault of the last place: that of the best credential where the image really lives.
    first: Option<Fault>,
}

impl<'a> Course<'a> {
    /// From the attempt `start` on, which the caller knows to have succeeded before.
    pub(crate) fn new(plan: &'a Plan, start: usize) -> Self {
        let mut rest = plan.attempts().iter().enumerate();
        if let Some(skip) = start.checked_sub(1) {
            rest.nth(skip);
        }
        let last = plan.attempts().last().map(|attempt| &attempt.endpoint);
        Self { rest, current: None, last, given_up: None, first: None }
    }

    /// The next attempt with its number.
    pub(crate) fn next(&mut self) -> Option<(usize, &'a Attempt)> {
        let (number, attempt) = self.rest.find(|(_, attempt)| self.given_up != Some(&attempt.endpoint))?;
        if self.current != Some(&attempt.endpoint) {
            self.current = Some(&attempt.endpoint);
            self.first = None;
        }
        Some((number, attempt))
    }

    /// When the attempt that was given last must be over: a mirror leaves half of the time to what comes after it.
    pub(crate) fn deadline(&self, deadline: Instant, now: Instant) -> Instant {
        if self.current == self.last { deadline } else { now + deadline.saturating_duration_since(now) / 2 }
    }

    /// The attempt that was given last has failed.
    pub(crate) fn failed(&mut self, fault: Fault) {
        if !fault.is_of_credential() {
            self.given_up = self.current;
        }
        self.first.get_or_insert(fault);
    }

    /// What to say.
    pub(crate) fn verdict(self) -> Fault {
        self.first.unwrap_or(Fault::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull_secret::Kind;
    use crate::settings::{Settings, fence, mirrors};
    use std::sync::Arc;

    fn planned(image: &str, registries: &[&str], mirror: Option<&str>) -> String {
        let mut settings = Settings::new(registries.iter().map(|text| (*text).to_owned()).collect());
        if let Some(mirror) = mirror {
            settings.mirrors.insert("docker.io".to_owned(), vec![mirror.to_owned()]);
        }
        let mirrors = mirrors(&settings).expect("mirrors");
        let fence = fence(&settings, &mirrors).expect("a fence");
        let exchange = Exchange {
            suffix: "azurecr.io".to_owned(),
            tenant: None,
            token: Arc::new(|| Box::pin(async { Err("none".to_owned()) })),
        };
        let text = br#"{"auths":{"https://index.docker.io/v1/":{"username":"hub","password":"p"},
            "secret.azurecr.io":{"username":"acr","password":"p"},"m.example":{"username":"mirror","password":"p"}}}"#;
        let secret = PullSecret::parse(Kind::DockerConfigJson, text).expect("a secret");
        let image = Image::parse(image).expect("an image");
        let plan = match Plan::new(&image, &[secret], &fence, &mirrors, Some(&exchange)) {
            Ok(plan) => plan,
            Err(fault) => return fault.reason().as_str().to_owned(),
        };
        let words = plan.attempts().iter().map(|attempt| {
            let who = match &attempt.credential {
                Credential::Anonymous => "nobody",
                Credential::Exchange => "cloud",
                Credential::Password { user, .. } => user.expose(),
                Credential::Identity(_) => "identity",
            };
            format!("{who}@{}/{}", attempt.endpoint.host, attempt.repository)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_place_is_asked_as_those_who_are_known_there() {
        for (image, registries, mirror, expected) in [
            ("nginx", &["docker.io"][..], None, "hub@registry-1.docker.io/library/nginx"),
            (
                "nginx",
                &["docker.io"],
                Some("m.example/hub"),
                "mirror@m.example/hub/library/nginx hub@registry-1.docker.io/library/nginx",
            ),
            ("nginx", &[], Some("n.example"), "nobody@n.example/library/nginx"),
            ("my.azurecr.io/a", &["*.azurecr.io"], None, "cloud@my.azurecr.io/a nobody@my.azurecr.io/a"),
            ("secret.azurecr.io/a", &["*.azurecr.io"], None, "acr@secret.azurecr.io/a cloud@secret.azurecr.io/a"),
            ("evil-azurecr.io/a", &["*"], None, "nobody@evil-azurecr.io/a"),
            ("azurecr.io.evil.example/a", &["*"], None, "nobody@azurecr.io.evil.example/a"),
            ("evil.example/a", &["*.azurecr.io", "docker.io"], None, "RegistryNotAllowed"),
            ("127.0.0.1/a", &["*"], None, "RegistryNotAllowed"),
        ] {
            assert_eq!(planned(image, registries, mirror), expected, "{image} {registries:?}");
        }
    }
}
