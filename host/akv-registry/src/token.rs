//! A token for one repository, from the service that the registry names.

use std::time::Duration;

use http::Method;
use reqwest::Url;
use serde::Deserialize;
use tokio::time::Instant;

use crate::credential::{Credential, Token};
use crate::fault::Fault;
use crate::fence::Purpose;
use crate::host::Host;
use crate::wire::{Answer, Ask, LONGEST_LIFE, Wire};

/// Tokens of Azure's registries have some 3 KiB, with many groups 16.
const LARGEST: usize = 256 * 1024;
/// What the specification says of a token that says nothing.
const USUAL_LIFE: u64 = 60;
/// A token is not used in its last moments: it must outlive the requests that follow.
const SLACK: Duration = Duration::from_secs(30);

/// A header's value, and how long it may be used again.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) header: Token,
    pub(crate) life: Duration,
}

/// What is asked for: to read one repository, whatever the challenge would have.
pub(crate) fn scope(repository: &str) -> String {
    format!("repository:{repository}:pull")
}

/// A request to a token service of a registry.
pub(crate) fn ask<'a>(registry: &'a Host, url: Url, deadline: Instant) -> Ask<'a> {
    Ask {
        method: Method::GET,
        url,
        purpose: Purpose::Realm(registry),
        accept: None,
        authorization: None,
        form: None,
        what: "answer of the token service",
        limit: LARGEST,
        deadline,
    }
}

/// Gets a token at the realm of a challenge (`distribution/docs/spec/auth/token.md` and `oauth.md`).
pub(crate) async fn bearer(
    wire: &Wire,
    registry: &Host,
    realm: &str,
    service: Option<&str>,
    repository: &str,
    credential: &Credential,
    deadline: Instant,
) -> Result<Grant, Fault> {
    let mut url = Url::parse(realm).map_err(|_| Fault::Challenge)?;
    let (scope, service) = (scope(repository), service.unwrap_or_default());
    if let Credential::Identity(token) = credential {
        let form = [
            ("grant_type", "refresh_token"),
            ("service", service),
            ("client_id", "akv2k8s"),
            ("scope", &scope),
            ("refresh_token", token.expose()),
        ];
        let ask = Ask { method: Method::POST, form: Some(&form), ..ask(registry, url, deadline) };
        return read(&wire.send(&ask).await?, "pull secret");
    }
    url.query_pairs_mut().append_pair("service", service).append_pair("scope", &scope);
    let basic = credential.basic();
    let ask = Ask { authorization: basic.as_ref(), ..ask(registry, url, deadline) };
    read(&wire.send(&ask).await?, who(credential))
}

/// Who asks, in a refusal's words.
pub(crate) fn who(credential: &Credential) -> &'static str {
    match credential {
        Credential::Anonymous => "request without a pull secret",
        Credential::Password { .. } | Credential::Identity(_) => "pull secret",
        Credential::Exchange => "identity of the installation",
    }
}

/// Reads the answer of a token service.
pub(crate) fn read(answer: &Answer, who: &'static str) -> Result<Grant, Fault> {
    #[derive(Deserialize)]
    struct Document {
        token: Option<String>,
        access_token: Option<String>,
        expires_in: Option<u64>,
    }
    if answer.status != 200 {
        return Err(match answer.fault(who) {
            // A service that answers with 400 or 404 refuses as well: the request is always the same.
            Fault::NotFound(..) | Fault::Status { status: 400, .. } => {
                let code = crate::fault::Code::default();
                Fault::Unauthorized { host: answer.host.clone(), who, status: answer.status, code }
            }
            other => other,
        });
    }
    let none = || Fault::NoToken(answer.host.clone());
    let document: Document = serde_json::from_slice(&answer.body).map_err(|_| none())?;
    let text = Token::new(document.token.or(document.access_token).ok_or_else(none)?);
    if text.expose().is_empty() || !text.expose().bytes().all(|b| (b'!'..=b'~').contains(&b)) {
        return Err(none());
    }
    let life = Duration::from_secs(document.expires_in.unwrap_or(USUAL_LIFE)).min(LONGEST_LIFE);
    Ok(Grant { header: Token::new(format!("Bearer {}", text.expose())), life: life.saturating_sub(SLACK) })
}
