//! The token service: what it knows, the tokens that it issues, and their check.

use crate::answer::Answer;
use crate::identity::{Caller, Known};
use crate::jwt::{self, Token, now};
use crate::refusal;
use crate::seed::Seed;
use ring::rsa::KeyPair;
use ring::signature::RsaKeyPair;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds that a token lives; Entra's are of an hour or more.
const LIFE: i64 = 3600;
const KID: &str = "local-vault-1";

/// Issues and checks tokens.
pub struct TokenService {
    /// Directory (tenant) id.
    pub tenant: String,
    /// `https://login.localhost:PORT`.
    pub authority: String,
    /// Who can ask.
    pub identities: Vec<Known>,
    key: KeyPair,
    jwks: Value,
    /// How often all tokens were revoked. Each token holds the number it was issued at; a time would be too coarse, since
    /// those of JSON Web Tokens are whole seconds.
    revocations: AtomicU64,
    issued: AtomicU64,
}

impl TokenService {
    /// For the identities of a seed.
    ///
    /// # Errors
    /// A sentence, if the signing key or a certificate cannot be read.
    pub fn new(seed: &Seed, port: u16) -> Result<Self, String> {
        let pem = include_bytes!("keys/token.pem");
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|e| e.to_string())?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|e| e.to_string())?;
        Ok(Self {
            tenant: seed.tenant.clone(),
            authority: format!("https://login.localhost:{port}"),
            identities: seed.identities.iter().map(Known::of).collect::<Result<_, _>>()?,
            jwks: jwt::jwks(&key, KID),
            key,
            revocations: AtomicU64::new(0),
            issued: AtomicU64::new(0),
        })
    }

    /// An identity by client id.
    #[must_use]
    pub fn by_client_id(&self, id: &str) -> Option<&Known> {
        self.identities.iter().find(|known| known.client_id.eq_ignore_ascii_case(id))
    }

    /// Refuses every token that was issued until now.
    pub fn revoke(&self) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
    }

    /// The public key as a JSON Web Key Set.
    #[must_use]
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }

    /// The tenant's address.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("{}/{}", self.authority, self.tenant)
    }

    fn issuer(&self) -> String {
        format!("{}/v2.0", self.directory())
    }

    /// What MSAL reads before it asks for a token.
    #[must_use]
    pub fn configuration(&self) -> Value {
        let base = self.directory();
        json!({
            "issuer": self.issuer(),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "tenant_discovery_endpoint": format!("{base}/v2.0/.well-known/openid-configuration"),
        })
    }

    /// The answer with a token for an identity.
    pub fn issue(&self, identity: &Known, audience: &str) -> Answer {
        let (now, id) = (now(), &identity.client_id);
        let unique =
            format!("{}.{}", self.revocations.load(Ordering::SeqCst), self.issued.fetch_add(1, Ordering::Relaxed));
        let claims = json!({
            "aud": audience, "iss": self.issuer(), "tid": self.tenant, "oid": identity.object_id,
            "sub": identity.object_id, "appid": id, "iat": now, "nbf": now - 1, "exp": now + LIFE, "uti": unique,
        });
        let token = jwt::sign(&self.key, KID, &claims);
        Answer::ok(json!({
            "token_type": "Bearer", "access_token": token, "expires_in": LIFE, "ext_expires_in": LIFE,
            "expires_on": (now + LIFE).to_string(), "resource": audience, "client_id": id,
        }))
    }

    /// Who a token speaks for. `audiences` are those of the vault.
    ///
    /// # Errors
    /// Key Vault's refusal, to send.
    pub fn check(&self, text: &str, audiences: &[&str]) -> Result<Caller<'_>, Answer> {
        let token = Token::parse(text).ok_or_else(refusal::bad_token)?;
        if token.header["alg"] != "RS256" || !token.signed_by(&self.jwks) {
            return Err(refusal::unknown_key(text));
        }
        if !audiences.contains(&token.claim("aud")) {
            return Err(refusal::audience(audiences[0], token.claim("aud")));
        }
        let issuer = self.issuer();
        if token.claim("iss") != issuer || token.claim("tid") != self.tenant {
            return Err(refusal::issuer(&issuer, token.claim("iss")));
        }
        if token.time("exp").is_none_or(|exp| exp <= now()) {
            return Err(refusal::expired());
        }
        let issued_at = token.claim("uti").split('.').next().and_then(|text| text.parse::<u64>().ok());
        if !token.is_current(now()) || issued_at.is_none_or(|at| at < self.revocations.load(Ordering::SeqCst)) {
            return Err(refusal::bad_token());
        }
        let identity = self.by_client_id(token.claim("appid")).ok_or_else(refusal::bad_token)?;
        Ok(Caller { identity, issuer })
    }
}
