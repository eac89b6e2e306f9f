//! From an error of the SDK to a reason, a sentence and an advice.
//!
//! The SDK's own message and code are not used where the response is at hand: see [`crate::vault_answer`].

use std::error::Error as StdError;
use std::time::Duration;

use akv_api::reason;
use azure_core::error::ErrorKind;
use azure_core::http::RawResponse;
use azure_core::http::headers::HeaderName;
use time::OffsetDateTime;

use crate::identity_error::IdentityFault;
use crate::retry_after::retry_after;
use crate::text::one_line;
use crate::token_answer::{Refusal, advice};
use crate::vault_answer::{Answer, DISABLED, LATER};
use crate::wire_fault::{WireFault, find};

/// Why a read gave nothing; what is missing for a message is which object it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A word of `akv_api::reason`.
    pub(crate) reason: &'static str,
    /// What happened, in the service's words where there are any.
    pub(crate) said: String,
    /// What to do.
    pub(crate) advice: &'static str,
    /// What the service asked for, uncapped.
    pub(crate) retry_after: Option<Duration>,
    /// The service's name for the request, for a support case.
    pub(crate) request_id: Option<String>,
    /// Whether a credential made anew might help: the vault refused a token, or the token service the credential.
    pub(crate) credential_refused: bool,
}

impl Failure {
    /// Something that passes by itself, or is no object of a vault.
    pub(crate) fn unavailable(said: impl Into<String>, advice: &'static str) -> Self {
        Self {
            reason: reason::VAULT_UNAVAILABLE,
            said: said.into(),
            advice,
            retry_after: None,
            request_id: None,
            credential_refused: false,
        }
    }

    /// The vault gave the object and says that it is disabled.
    pub(crate) fn disabled() -> Self {
        Self { reason: reason::OBJECT_DISABLED, ..Self::unavailable("it is disabled", DISABLED) }
    }

    /// Reads an error of a vault client. `now` is for dates in Retry-After.
    pub(crate) fn classify(fault: &azure_core::Error, now: OffsetDateTime) -> Self {
        let of_identity = sdk_errors(fault).any(|fault| matches!(fault.kind(), ErrorKind::Credential));
        if of_identity {
            return identity(fault, now);
        }
        if let Some(wire) = find::<WireFault>(fault) {
            return Self::unavailable(wire.to_string(), wire_advice(wire));
        }
        match response(fault) {
            Some(response) => from_vault(response, now),
            None => Self::unavailable(
                format!("the vault's answer cannot be used: {}", cause(fault)),
                "check the vault's name and the cloud",
            ),
        }
    }
}

fn from_vault(response: &RawResponse, now: OffsetDateTime) -> Failure {
    let answer = Answer::read(response.status().into(), response.body());
    let (reason, advice) = answer.verdict();
    Failure {
        reason,
        said: answer.to_string(),
        advice,
        retry_after: retry_after(response.headers(), now),
        request_id: request_id(response),
        credential_refused: answer.status == 401,
    }
}

fn request_id(response: &RawResponse) -> Option<String> {
    let header = HeaderName::from_static("x-ms-request-id");
    response.headers().get_optional_str(&header).map(one_line)
}

fn identity(fault: &azure_core::Error, now: OffsetDateTime) -> Failure {
    let failed =
        |said: String, advice| Failure { reason: reason::IDENTITY_FAILED, ..Failure::unavailable(said, advice) };
    if let Some(own) = find::<IdentityFault>(fault) {
        return failed(own.said.clone(), advice(None));
    }
    if let Some(wire) = find::<WireFault>(fault) {
        let todo = match wire {
            WireFault::Name(_) => "check the cloud and AZURE_AUTHORITY_HOST",
            other => wire_advice(other),
        };
        return failed(format!("the token service cannot be reached: {wire}"), todo);
    }
    if let Some(response) = response(fault) {
        let status = u16::from(response.status());
        let refusal = Refusal::read(status, response.body());
        let todo = match status {
            429 | 500.. => LATER,
            _ => advice(refusal.code.as_deref()),
        };
        return Failure {
            retry_after: retry_after(response.headers(), now),
            request_id: request_id(response),
            credential_refused: (400..500).contains(&status) && status != 429,
            ..failed(format!("the token service answered {refusal}"), todo)
        };
    }
    failed(format!("there is no token: {}", cause(fault)), advice(None))
}

/// What a credential's error says, for a list of several.
pub(crate) fn identity_sentence(fault: &azure_core::Error) -> String {
    identity(fault, OffsetDateTime::UNIX_EPOCH).said
}

fn wire_advice(fault: &WireFault) -> &'static str {
    match fault {
        WireFault::Tls(_) => {
            "name the authority of its certificate by SSL_CERT_FILE or the extra CA file, or mend the certificate"
        }
        WireFault::Name(_) => "check the vault's name, the cloud, and DNS",
        WireFault::Connect(_) | WireFault::Slow | WireFault::Broken(_) => {
            "check the network and any proxy; it is tried again later"
        }
        WireFault::Large => "check any proxy",
        WireFault::OtherHost(_) => "the vault's answer is not to be trusted; check the cloud",
    }
}

fn chain<'a>(fault: &'a azure_core::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let top: &'a (dyn StdError + 'static) = fault;
    std::iter::successors(Some(top), |fault: &&'a (dyn StdError + 'static)| (*fault).source())
}

/// The last text of the chain, where the cause stands, without the SDK's advice for programmers.
fn cause(fault: &azure_core::Error) -> String {
    let text = chain(fault).last().map(ToString::to_string).unwrap_or_default();
    let end = text.find(" Set verify_challenge_resource").unwrap_or(text.len());
    one_line(text[..end].trim_end_matches('.'))
}

fn sdk_errors(fault: &azure_core::Error) -> impl Iterator<Item = &azure_core::Error> {
    chain(fault).filter_map(|fault| fault.downcast_ref())
}

fn response(fault: &azure_core::Error) -> Option<&RawResponse> {
    sdk_errors(fault).find_map(|fault| match fault.kind() {
        ErrorKind::HttpResponse { raw_response, .. } => raw_response.as_deref(),
        _ => None,
    })
}
