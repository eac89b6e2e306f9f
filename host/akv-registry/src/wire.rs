//! One request after another: judged, sent, its answer bounded, tried again where that may help.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, AUTHORIZATION, LOCATION};
use http::{HeaderMap, HeaderValue, Method};
use reqwest::{Response, Url};
use tokio::time::Instant;

use crate::client::Clients;
use crate::credential::Token;
use crate::fault::{Code, Fault};
use crate::fence::{Fence, Permit, Purpose};
use crate::host::Host;
use crate::retry;

/// A registry leads to its store, perhaps over another region; more is a circle.
const MOST_REDIRECTS: usize = 5;
/// As much of an error's body as is looked at.
const LARGEST_ERROR: usize = 16 * 1024;

/// The way out.
pub(crate) struct Wire {
    pub(crate) clients: Clients,
    pub(crate) fence: std::sync::Arc<Fence>,
}

/// A request.
#[derive(Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) purpose: Purpose<'a>,
    pub(crate) accept: Option<&'static str>,
    pub(crate) authorization: Option<&'a Token>,
    pub(crate) form: Option<&'a [(&'static str, &'a str)]>,
    /// What the answer is, and how long it may be.
    pub(crate) what: &'static str,
    pub(crate) limit: usize,
    /// When the whole look-up must be over.
    pub(crate) deadline: Instant,
}

/// An answer; the body of one that is no success is cut.
pub(crate) struct Answer {
    pub(crate) host: Host,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether it came from where the registry sent us.
    pub(crate) redirected: bool,
}

impl Answer {
    /// The fault that a status stands for, `who` being who asked.
    pub(crate) fn fault(&self, who: &'static str) -> Fault {
        let (host, status, code) = (self.host.clone(), self.status, self.code());
        match status {
            401 | 403 => Fault::Unauthorized { host, who, status, code },
            404 => Fault::NotFound(host, who),
            _ => {
                let retry_after = retry::retry_after(&self.headers, SystemTime::now());
                Fault::Status { host, status, code, retry_after }
            }
        }
    }

    /// The first error code of the body. Its other text is foreign, and perhaps that of a host which is no registry.
    fn code(&self) -> Code {
        #[derive(serde::Deserialize)]
        struct Errors {
            errors: Vec<One>,
        }
        #[derive(serde::Deserialize)]
        struct One {
            code: String,
        }
        let is_code = |text: &String| text.len() <= 40 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let errors = serde_json::from_slice::<Errors>(&self.body).ok();
        Code(errors.and_then(|list| list.errors.into_iter().next()).map(|one| one.code).filter(is_code))
    }
}

impl Wire {
    /// Sends a request, and follows redirects by hand: without the credential, without a body, and inside the fence.
    pub(crate) async fn follow(&self, ask: Ask<'_>) -> Result<Answer, Fault> {
        let mut ask = ask;
        for hops in 0..=MOST_REDIRECTS {
            let mut answer = self.send(&ask).await?;
            answer.redirected = hops > 0;
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|text| ask.url.join(text).ok());
            ask.url = next.ok_or_else(|| Fault::Astray("a redirect to nowhere".to_owned()))?;
            ask.purpose = Purpose::Redirect;
            ask.authorization = None;
        }
        Err(Fault::Redirects(MOST_REDIRECTS))
    }

    /// Sends a request to where it says and nowhere else, again if a fault may pass in time.
    pub(crate) async fn send(&self, ask: &Ask<'_>) -> Result<Answer, Fault> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (client, sight) = self.clients.of(&ask.url);
            let permit = self.fence.permit(ask.url.clone(), ask.purpose, sight)?;
            let result = match tokio::time::timeout_at(ask.deadline, once(client, ask, &permit)).await {
                Ok(result) => result,
                Err(_) => return Err(Fault::Deadline(permit.host().clone())),
            };
            let wanted = match &result {
                Ok(answer) if retry::may_pass(answer.status) => retry::retry_after(&answer.headers, SystemTime::now()),
                Err(Fault::Unreachable(..)) => None,
                _ => return result,
            };
            let left = ask.deadline.saturating_duration_since(Instant::now());
            match retry::pause(tries, wanted, left) {
                Some(pause) => {
                    tracing::debug!(host = %permit.host(), tries, ?pause, "the registry is asked again");
                    tokio::time::sleep(pause).await;
                }
                None => return result,
            }
        }
    }
}

async fn once(client: &reqwest::Client, ask: &Ask<'_>, permit: &Permit) -> Result<Answer, Fault> {
    let mut request = client.request(ask.method.clone(), permit.url().clone());
    if let Some(accept) = ask.accept {
        request = request.header(ACCEPT, accept);
    }
    if let Some(token) = ask.authorization {
        let mut value = HeaderValue::from_str(token.expose()).map_err(|_| Fault::NoToken(permit.host().clone()))?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    if let Some(form) = ask.form {
        request = request.form(form);
    }
    let fault = |fault: reqwest::Error| wire_fault(permit.host(), &fault);
    let mut response = request.send().await.map_err(fault)?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = match status {
        200..300 => body(&mut response, ask.limit)
            .await
            .map_err(fault)?
            .ok_or(Fault::Large { what: ask.what, limit: ask.limit })?,
        // Only a code is wanted of it: one that is too long or breaks off has none.
        400.. => body(&mut response, LARGEST_ERROR).await.ok().flatten().unwrap_or_default(),
        _ => Vec::new(),
    };
    Ok(Answer { host: permit.host().clone(), status, headers, body, redirected: false })
}

/// The body; nothing if it is longer than the limit, whatever its header says.
async fn body(response: &mut Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn wire_fault(host: &Host, top: &reqwest::Error) -> Fault {
    let mut last: &(dyn StdError + 'static) = top;
    loop {
        if let Some(fault) = last.downcast_ref::<Fault>() {
            return fault.clone();
        }
        if let Some(tls) = last.downcast_ref::<rustls::Error>() {
            return Fault::Tls(host.clone(), untrusted(tls));
        }
        // An I/O error does not name what it wraps as its source.
        let inner = last.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match inner.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| last.source()) {
            Some(next) => last = next,
            None => return Fault::Unreachable(host.clone(), last.to_string()),
        }
    }
}

/// Why a certificate is not trusted, without the names in it: they would tell who is there.
fn untrusted(fault: &rustls::Error) -> &'static str {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
    match fault {
        rustls::Error::InvalidCertificate(UnknownIssuer) => "the authority of its certificate is not known",
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => "its certificate has expired",
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "its certificate is for another name"
        }
        rustls::Error::InvalidCertificate(_) => "its certificate is not good",
        _ => "the TLS handshake failed",
    }
}

/// The time for an identity's token, which is no request of ours.
pub(crate) async fn within<T>(deadline: Instant, host: &Host, work: impl Future<Output = T>) -> Result<T, Fault> {
    tokio::time::timeout_at(deadline, work).await.map_err(|_| Fault::Deadline(host.clone()))
}

/// No answer is kept longer than this on a registry's word alone.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(3600);
