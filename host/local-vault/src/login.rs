//! The token endpoint: `client_credentials` by secret, by certificate and by a federated token.
//! Codes: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.

use crate::answer::Answer;
use crate::identity::Known;
use crate::issuer;
use crate::jwt::{Token, now};
use crate::seed::Federated;
use crate::thumbprint::Naming;
use crate::token::TokenService;
use serde_json::json;
use std::collections::HashMap;

/// What stands in `client_assertion_type` (RFC 7523, 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl TokenService {
    /// Answers: `tenant` is that of the path, `form` the posted fields.
    pub async fn token(&self, tenant: &str, form: &HashMap<String, String>) -> Answer {
        match self.authenticated(tenant, form).await {
            Ok((identity, audience)) => self.issue(identity, audience),
            Err(refused) => refused,
        }
    }

    async fn authenticated<'a>(
        &self,
        tenant: &str,
        form: &'a HashMap<String, String>,
    ) -> Result<(&Known, &'a str), Answer> {
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if tenant != self.tenant {
            return Err(refuse("invalid_request", 90002, &format!("Tenant '{tenant}' not found.")));
        }
        if field("grant_type") != "client_credentials" {
            return Err(refuse("unsupported_grant_type", 70003, "The app requested an unsupported grant type."));
        }
        let id = field("client_id");
        let Some(identity) = self.by_client_id(id) else {
            let text = format!("Application with identifier '{id}' was not found.");
            return Err(refuse("unauthorized_client", 700_016, &text));
        };
        let audience = field("scope").strip_suffix("/.default").unwrap_or(field("resource")).trim_end_matches('/');
        if audience.is_empty() {
            let text = "The provided value for the input parameter 'scope' is not valid.";
            return Err(refuse("invalid_scope", 70011, text));
        }
        match (field("client_assertion"), field("client_secret")) {
            ("", "") => {
                let text =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                return Err(refuse("invalid_client", 7_000_218, text));
            }
            ("", secret) if identity.secret.as_deref() == Some(secret) => {}
            ("", _) => return Err(refuse("invalid_client", 7_000_215, "Invalid client secret provided.")),
            _ if field("client_assertion_type") != JWT_BEARER => {
                return Err(refuse("invalid_request", 50027, "The client assertion type is not supported."));
            }
            (assertion, _) => self.assertion(identity, assertion).await?,
        }
        Ok((identity, audience))
    }

    /// An assertion may be used again until it expires: Entra does not remember a `jti`.
    async fn assertion(&self, identity: &Known, text: &str) -> Result<(), Answer> {
        let token =
            Token::parse(text).ok_or_else(|| refuse("invalid_client", 50027, "JWT token is invalid or malformed."))?;
        if !token.is_current(now()) {
            return Err(refuse("invalid_client", 700_024, "Client assertion is not within its valid time range."));
        }
        // Whoever signs for himself is his own issuer.
        if identity.client_id.eq_ignore_ascii_case(token.claim("iss")) {
            self.certificate(identity, &token)
        } else {
            federated(identity, &token).await
        }
    }

    fn certificate(&self, identity: &Known, token: &Token) -> Result<(), Answer> {
        if !identity.client_id.eq_ignore_ascii_case(token.claim("sub")) {
            let text = "Client assertion application identifier doesn't match 'client_id' parameter.";
            return Err(refuse("invalid_client", 700_021, text));
        }
        let base = self.directory();
        let ours = ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/", ""].map(|tail| format!("{base}{tail}"));
        if !ours.iter().any(|audience| audience == token.claim("aud")) {
            let text = "Client assertion audience claim does not match Realm issuer.";
            return Err(refuse("invalid_client", 700_023, text));
        }
        let named = identity.certificates.iter().find(|c| c.named_by(token) != Naming::Other);
        match named.map(|certificate| (certificate.named_by(token), certificate)) {
            Some((Naming::This, certificate)) if certificate.signed(token) => Ok(()),
            Some((Naming::Absent, _)) => {
                let text = "JWT token is invalid or malformed. Its header has neither x5t nor x5t#S256.";
                Err(refuse("invalid_client", 50027, text))
            }
            Some(_) => Err(bad_signature("The key was found, but the signature does not match it.")),
            None => Err(bad_signature("The key was not found.")),
        }
    }
}

async fn federated(identity: &Known, token: &Token) -> Result<(), Answer> {
    let audience = |f: &Federated| token.claims["aud"] == f.audience || token.claims["aud"] == json!([f.audience]);
    let mut left: Vec<&Federated> = identity.federated.iter().collect();
    let none = |code, what: &str| {
        let text = format!("No matching federated identity record found for presented assertion {what}.");
        Err(refuse("invalid_client", code, &text))
    };
    left.retain(|f| f.issuer == token.claim("iss"));
    if left.is_empty() {
        return none(700_211, "issuer");
    }
    left.retain(|f| f.subject == token.claim("sub"));
    if left.is_empty() {
        return none(700_213, "subject");
    }
    left.retain(|f| audience(f));
    let Some(federated) = left.first() else {
        return none(700_212, "audience");
    };
    match issuer::keys(federated).await {
        Ok(keys) if token.signed_by(&keys) => Ok(()),
        Ok(_) => Err(bad_signature("The key was not found, or the signature does not match it.")),
        Err(why) => Err(refuse("invalid_request", 50_166, &format!("The keys of the issuer could not be read: {why}"))),
    }
}

fn bad_signature(why: &str) -> Answer {
    let text = format!("Client assertion failed signature validation. [Reason - {why}]");
    refuse("invalid_client", 700_027, &text)
}

fn refuse(error: &str, code: u32, text: &str) -> Answer {
    let status = if error == "invalid_client" || error == "unauthorized_client" { 401 } else { 400 };
    // The line break is Entra's: it trips parsers that borrow.
    let description = format!("AADSTS{code}: {text}\r\nTrace ID: 00000000-0000-0000-0000-000000000000");
    Answer {
        status,
        headers: Vec::new(),
        body: json!({"error": error, "error_description": description, "error_codes": [code]}),
    }
}
