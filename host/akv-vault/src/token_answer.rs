//! What a token service says when it gives no token.

use serde::Deserialize;

use crate::text::one_line;

/// An error answer of Entra, IMDS or App Service, read into our own strings: the SDK borrows them from the body, which
/// fails as soon as the text holds an escape, and then the status and the code are lost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    /// `AADSTS` and a number, if the service is Entra.
    pub(crate) code: Option<String>,
    text: String,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    error: Option<String>,
    #[serde(default, alias = "message")]
    error_description: Option<String>,
}

impl Refusal {
    /// Reads an answer that is no success.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Body>(body) else {
            let text = "with a body that is no error of a token service; a proxy may have answered".to_owned();
            return Self { status, code: None, text };
        };
        let description = body.error_description.unwrap_or_default();
        let text = match (sentence(&description), body.error) {
            (text, _) if !text.is_empty() => text,
            (_, error) => one_line(&error.unwrap_or_default()),
        };
        Self { status, code: aadsts(&description), text }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.text)
    }
}

/// The first `AADSTS<number>` of a text.
fn aadsts(text: &str) -> Option<String> {
    const PREFIX: &str = "AADSTS";
    text.match_indices(PREFIX).find_map(|(at, _)| {
        let digits: String = text[at + PREFIX.len()..].chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then(|| format!("{PREFIX}{digits}"))
    })
}

/// What the description says, without what differs from try to try: ids, times.
fn sentence(description: &str) -> String {
    let ends = ["\r", "\n", " Trace ID:", " Current time:"];
    let end = ends.iter().filter_map(|mark| description.find(mark)).min();
    let text = &description[..end.unwrap_or(description.len())];
    one_line(text.trim_end_matches('.'))
}

/// What to do about a code, for those that people meet.
pub(crate) fn advice(code: Option<&str>) -> &'static str {
    match code {
        Some("AADSTS7000215") => "set the application's current client secret",
        Some("AADSTS7000222") => "the client secret has expired: make a new one",
        Some("AADSTS700016") => "check the client id and the tenant: the application is not known there",
        Some("AADSTS90002" | "AADSTS900023") => "check the tenant id and the cloud",
        Some("AADSTS700213" | "AADSTS70021") => {
            "add a federated credential with this cluster's issuer and the service account as subject; a new one takes minutes"
        }
        Some("AADSTS700211") => "add a federated credential with this cluster's issuer",
        Some("AADSTS700212") => "the federated credential's audience must be api://AzureADTokenExchange",
        Some("AADSTS700024") => "check the clocks, and that the token file is kept current",
        Some("AADSTS700027") => "register the certificate with the application, and check that it has not expired",
        _ => "check the identity and the settings that name it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, code: Option<&str>, said: &str) {
        let refusal = Refusal::read(status, body.as_bytes());
        assert_eq!(refusal.code.as_deref(), code, "{body}");
        assert_eq!(refusal.to_string(), said, "{body}");
    }

    #[test]
    fn the_services_sentence_survives_its_escapes() {
        check(
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure it is the \"value\".\r\nTrace ID: 1\r\nTimestamp: x","error_codes":[7000215]}"#,
            Some("AADSTS7000215"),
            r#"401 AADSTS7000215: Invalid client secret provided. Ensure it is the "value""#,
        );
        check(
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS700024: Client assertion is not within its valid time range. Current time: 2026-01-01T00:00:00Z, expiry time of assertion x."}"#,
            Some("AADSTS700024"),
            "401 AADSTS700024: Client assertion is not within its valid time range",
        );
        check(
            400,
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
            None,
            "400 Identity not found",
        );
        check(400, r#"{"error":"unauthorized_client"}"#, None, "400 unauthorized_client");
        check(
            500,
            r#"{"statusCode":500,"message":"An unexpected error occured"}"#,
            None,
            "500 An unexpected error occured",
        );
        check(
            502,
            "<html>secret</html>",
            None,
            "502 with a body that is no error of a token service; a proxy may have answered",
        );
    }

    #[test]
    fn a_code_is_the_prefix_with_its_digits() {
        assert_eq!(aadsts("AADSTS, see AADSTS700213: x").as_deref(), Some("AADSTS700213"));
        assert_eq!(aadsts("AADSTS"), None);
    }
}
