//! A conversation with one registry as one somebody.

use std::sync::{Mutex, PoisonError};
use std::time::Instant as Clock;

use http::Method;
use http::header::WWW_AUTHENTICATE;
use reqwest::Url;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::challenge::{self, Challenge};
use crate::credential::{Credential, Fingerprint, Fingerprints, Token};
use crate::exchange;
use crate::fault::Fault;
use crate::fence::Purpose;
use crate::host::Host;
use crate::plan::Attempt;
use crate::settings::Exchange;
use crate::token::{self, Grant};
use crate::wire::{Answer, Ask, LONGEST_LIFE, Wire};

/// Tokens by place, repository and credential, so that not every look-up asks for one.
pub(crate) type Tokens = Mutex<Cache<(String, Fingerprint), Token>>;

/// What conversations need.
pub(crate) struct Desk {
    pub(crate) wire: Wire,
    pub(crate) exchange: Option<Exchange>,
    pub(crate) tokens: Tokens,
    pub(crate) prints: Fingerprints,
}

/// What is asked of a repository.
pub(crate) struct Wanted<'a> {
    pub(crate) method: Method,
    /// `manifests` or `blobs`.
    pub(crate) kind: &'static str,
    pub(crate) reference: &'a str,
    pub(crate) accept: Option<&'static str>,
    pub(crate) what: &'static str,
    pub(crate) limit: usize,
}

pub(crate) struct Session<'a> {
    desk: &'a Desk,
    attempt: &'a Attempt,
    deadline: Instant,
    authorization: Option<Token>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(desk: &'a Desk, attempt: &'a Attempt, deadline: Instant) -> Self {
        let mut session = Self { desk, attempt, deadline, authorization: None };
        let kept = session.tokens().get(&session.key(), Clock::now());
        session.authorization = kept;
        session
    }

    /// Asks, and once more with a token if the registry wants one, or another one.
    pub(crate) async fn get(&mut self, wanted: &Wanted<'_>) -> Result<Answer, Fault> {
        let mut answer = self.once(wanted).await?;
        if answer.status == 401 && !answer.redirected {
            self.authorize(&answer).await?;
            answer = self.once(wanted).await?;
        }
        match answer.status {
            200 => Ok(answer),
            _ => Err(answer.fault(token::who(&self.attempt.credential))),
        }
    }

    async fn once(&self, wanted: &Wanted<'_>) -> Result<Answer, Fault> {
        let Attempt { endpoint, repository, .. } = self.attempt;
        let scheme = if self.desk.wire.fence.is_insecure(&endpoint.host) { "http" } else { "https" };
        let text = format!("{scheme}://{}/v2/{repository}/{}/{}", endpoint.host, wanted.kind, wanted.reference);
        let url = Url::parse(&text).map_err(|_| Fault::Astray(endpoint.host.to_string()))?;
        let ask = Ask {
            method: wanted.method.clone(),
            url,
            purpose: Purpose::Registry,
            accept: wanted.accept,
            authorization: self.authorization.as_ref(),
            form: None,
            what: wanted.what,
            limit: wanted.limit,
            deadline: self.deadline,
        };
        self.desk.wire.follow(ask).await
    }

    /// Gets what the registry wants to see, by the first of its ways that we have something for.
    async fn authorize(&mut self, refused: &Answer) -> Result<(), Fault> {
        let key = self.key();
        self.tokens().remove(&key);
        let Grant { header, life } = self.bearer(refused).await?;
        self.tokens().put(key, header.clone(), header.expose().len(), Clock::now(), life);
        self.authorization = Some(header);
        Ok(())
    }

    async fn bearer(&self, refused: &Answer) -> Result<Grant, Fault> {
        let Attempt { credential, repository, .. } = self.attempt;
        let (wire, deadline, registry) = (&self.desk.wire, self.deadline, &refused.host);
        if let (Credential::Exchange, Some(exchange)) = (credential, &self.desk.exchange) {
            return exchange::bearer(wire, exchange, registry, repository, deadline).await;
        }
        let headers = refused.headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges: Vec<Challenge> =
            headers.filter_map(|value| value.to_str().ok()).take(8).flat_map(challenge::read).collect();
        for challenge in &challenges {
            match (challenge, credential.basic()) {
                (Challenge::Bearer { realm, service }, _) => {
                    let service = service.as_deref();
                    return token::bearer(wire, registry, realm, service, repository, credential, deadline).await;
                }
                (Challenge::Basic, Some(header)) => return Ok(Grant { header, life: LONGEST_LIFE }),
                (Challenge::Basic, None) => {}
            }
        }
        Err(if challenges.is_empty() { Fault::Challenge } else { refused.fault(token::who(credential)) })
    }

    fn key(&self) -> (String, Fingerprint) {
        let Attempt { endpoint, credential, repository } = self.attempt;
        let place: &Host = &endpoint.host;
        (format!("{place}/{repository}"), self.desk.prints.of([(String::new(), credential)].into_iter()))
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, Cache<(String, Fingerprint), Token>> {
        self.desk.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
