//! The token service: `client_credentials` by secret, by certificate and by a federated token; managed identities.

use crate::answer::Answer;
use crate::jwt::{self, Token, now};
use crate::seed::{Federated, Identity, Managed, Seed};
use ring::rsa::KeyPair;
use ring::signature::RsaKeyPair;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};

/// Seconds that a token lives; Entra's are of an hour or more.
const LIFE: i64 = 3600;
const KID: &str = "local-vault-1";

/// Issues and checks tokens.
pub struct TokenService {
    /// Directory (tenant) id.
    pub tenant: String,
    /// `https://login.localhost:PORT`.
    pub authority: String,
    identities: Vec<Identity>,
    key: KeyPair,
    /// Tokens issued before this second are refused.
    revoked: AtomicI64,
}

/// Who a good token speaks for.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Client id.
    pub client_id: String,
    /// Object id.
    pub oid: String,
}

/// The client id of an identity: its own, or one that is derived from its name.
#[must_use]
pub fn client_id(identity: &Identity) -> String {
    identity.client_id.clone().unwrap_or_else(|| uuid("client", &identity.name))
}

fn uuid(what: &str, name: &str) -> String {
    let hash = hex::encode(Sha256::digest(format!("{what} {name}")));
    format!("{}-{}-4{}-8{}-{}", &hash[..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..32])
}

impl TokenService {
    /// For the identities of a seed.
    ///
    /// # Errors
    /// A sentence, if the signing key cannot be read.
    pub fn new(seed: &Seed, port: u16) -> Result<Self, String> {
        let pem = include_bytes!("keys/token.pem");
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|e| e.to_string())?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|e| e.to_string())?;
        Ok(Self {
            tenant: seed.tenant.clone(),
            authority: format!("https://login.localhost:{port}"),
            identities: seed.identities.clone(),
            key,
            revoked: AtomicI64::new(0),
        })
    }

    /// An identity by client id.
    pub fn identity(&self, id: &str) -> Option<&Identity> {
        self.identities.iter().find(|i| client_id(i).eq_ignore_ascii_case(id))
    }

    /// Refuses every token that was issued until now.
    pub fn revoke(&self) {
        self.revoked.store(now() + 1, Ordering::Relaxed);
    }

    /// The public key as a JSON Web Key Set.
    #[must_use]
    pub fn jwks(&self) -> Value {
        use base64::Engine as _;
        let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(self.key.public());
        json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KID, "n": encode(&public.n), "e": encode(&public.e)}]})
    }

    /// What MSAL reads before it asks for a token.
    #[must_use]
    pub fn configuration(&self) -> Value {
        let base = format!("{}/{}", self.authority, self.tenant);
        json!({
            "issuer": format!("{base}/v2.0"),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "tenant_discovery_endpoint": format!("{base}/v2.0/.well-known/openid-configuration"),
        })
    }

    fn issue(&self, identity: &Identity, audience: &str) -> Answer {
        let (now, id) = (now(), client_id(identity));
        let claims = json!({
            "aud": audience, "iss": format!("{}/{}/v2.0", self.authority, self.tenant), "tid": self.tenant,
            "oid": uuid("object", &identity.name), "sub": uuid("object", &identity.name), "appid": id,
            // A second earlier, so that a revocation within the second counts.
            "iat": now, "nbf": now - 1, "exp": now + LIFE,
        });
        let token = jwt::sign(&self.key, KID, &claims);
        Answer::ok(json!({
            "token_type": "Bearer", "access_token": token, "expires_in": LIFE, "ext_expires_in": LIFE,
            "expires_on": (now + LIFE).to_string(), "resource": audience, "client_id": id,
        }))
    }

    /// The token endpoint: `tenant` is that of the path, `form` the posted fields.
    pub async fn token(&self, tenant: &str, form: &HashMap<String, String>) -> Answer {
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if tenant != self.tenant {
            return refuse("invalid_request", 90002, &format!("Tenant '{tenant}' not found."));
        }
        if field("grant_type") != "client_credentials" {
            return refuse("unsupported_grant_type", 70003, "The app requested an unsupported grant type.");
        }
        let Some(identity) = self.identity(field("client_id")) else {
            return refuse(
                "unauthorized_client",
                700_016,
                &format!("Application with identifier '{}' was not found.", field("client_id")),
            );
        };
        let audience = field("scope").strip_suffix("/.default").unwrap_or(field("resource")).trim_end_matches('/');
        if audience.is_empty() {
            return refuse("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.");
        }
        let allowed = if form.contains_key("client_assertion") {
            self.assertion(identity, field("client_assertion")).await
        } else if identity.secret.as_deref().is_some_and(|s| s == field("client_secret")) {
            Ok(())
        } else {
            Err(refuse("invalid_client", 7_000_215, "Invalid client secret provided."))
        };
        match allowed {
            Ok(()) => self.issue(identity, audience),
            Err(refused) => refused,
        }
    }

    async fn assertion(&self, identity: &Identity, text: &str) -> Result<(), Answer> {
        let bad = || refuse("invalid_client", 700_027, "Client assertion failed signature validation.");
        let token = Token::parse(text).ok_or_else(bad)?;
        if !token.is_current(now()) {
            return Err(refuse("invalid_client", 700_024, "Client assertion is not within its valid time range."));
        }
        let id = client_id(identity);
        if token.claim("iss") == id {
            let ours = token.claim("sub") == id
                && token.claim("aud").starts_with(&format!("{}/{}/", self.authority, self.tenant));
            let signed = identity.certificates.iter().any(|pem| signed_by_certificate(&token, pem).unwrap_or(false));
            return if ours && signed { Ok(()) } else { Err(bad()) };
        }
        if !identity.federated.iter().any(|f| f.issuer == token.claim("iss")) {
            return Err(refuse(
                "invalid_client",
                700_211,
                "No matching federated identity record found for presented assertion issuer.",
            ));
        }
        let audience = |f: &Federated| token.claims["aud"] == f.audience || token.claims["aud"] == json!([f.audience]);
        let matching = identity
            .federated
            .iter()
            .find(|f| f.issuer == token.claim("iss") && f.subject == token.claim("sub") && audience(f));
        let Some(federated) = matching else {
            return Err(refuse(
                "invalid_client",
                700_213,
                "No matching federated identity record found for presented assertion subject.",
            ));
        };
        match jwks(federated).await {
            Ok(keys) if token.signed_by(&keys) => Ok(()),
            Ok(_) => Err(bad()),
            Err(why) => {
                Err(refuse("invalid_client", 50_166, &format!("The keys of the issuer could not be read: {why}")))
            }
        }
    }

    /// A managed identity: by client id, or the system's.
    pub fn managed(&self, client: Option<&str>, resource: &str) -> Answer {
        let found = match client {
            Some(id) => self.identity(id).filter(|i| i.managed == Some(Managed::User)),
            None => self.identities.iter().find(|i| i.managed == Some(Managed::System)),
        };
        match found {
            Some(identity) => self.issue(identity, resource.trim_end_matches('/')),
            None => Answer {
                status: 400,
                headers: Vec::new(),
                body: json!({"error": "invalid_request", "error_description": "Identity not found"}),
            },
        }
    }

    /// Who a token speaks for; else the code and text of Key Vault's refusal. `audiences` are those of the vault.
    ///
    /// # Errors
    /// The answer to send.
    pub fn check(&self, text: &str, audiences: &[String]) -> Result<Caller, Answer> {
        let refuse = |code: &str, why: &str| Err(Answer::error(401, "Unauthorized", None, &format!("{code}: {why}")));
        let Some(token) = Token::parse(text) else {
            return refuse("AKV10001", "The token cannot be parsed.");
        };
        if token.header["alg"] != "RS256" || !token.signed_by(&self.jwks()) {
            return refuse("AKV10046", "Unable to resolve the key used for signature validation.");
        }
        if !audiences.iter().any(|a| a == token.claim("aud")) {
            return refuse("AKV10022", &format!("Invalid audience. Expected {}.", audiences[0]));
        }
        if token.claim("iss") != format!("{}/{}/v2.0", self.authority, self.tenant) || token.claim("tid") != self.tenant
        {
            return refuse("AKV10032", "Invalid issuer.");
        }
        if token.claims["exp"].as_i64().is_none_or(|exp| exp <= now()) || !token.is_current(now()) {
            return refuse("AKV10047", "The token is expired or not yet valid.");
        }
        if token.claims["iat"].as_i64().is_none_or(|iat| iat < self.revoked.load(Ordering::Relaxed)) {
            return refuse("AKV10048", "The token was revoked.");
        }
        Ok(Caller { client_id: token.claim("appid").to_owned(), oid: token.claim("oid").to_owned() })
    }
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

fn signed_by_certificate(token: &Token, pem: &str) -> Option<bool> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let certificate = webpki::EndEntityCert::try_from(&der).ok()?;
    let algorithm = match token.header["alg"].as_str()? {
        "RS256" => webpki::ring::RSA_PKCS1_2048_8192_SHA256,
        "PS256" => webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        _ => return Some(false),
    };
    Some(certificate.verify_signature(algorithm, token.signed.as_bytes(), &token.signature).is_ok())
}

async fn jwks(federated: &Federated) -> Result<Value, String> {
    if let Some(file) = &federated.jwks_file {
        let text = tokio::fs::read_to_string(file).await.map_err(|e| format!("{}: {e}", file.display()))?;
        return serde_json::from_str(&text).map_err(|e| e.to_string());
    }
    let url = federated.jwks_url.as_ref().ok_or("the seed names neither jwksFile nor jwksUrl")?;
    // reqwest brings none of its own; whoever installed one before us chose the same.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut client = reqwest::Client::builder().no_proxy();
    if let Some(file) = &federated.ca_file {
        let pem = tokio::fs::read(file).await.map_err(|e| format!("{}: {e}", file.display()))?;
        client = client.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| e.to_string())?);
    }
    let mut request = client.build().map_err(|e| e.to_string())?.get(url);
    if let Some(file) = &federated.token_file {
        request = request.bearer_auth(tokio::fs::read_to_string(file).await.map_err(|e| e.to_string())?.trim());
    }
    let answer = request.send().await.and_then(reqwest::Response::error_for_status).map_err(|e| e.to_string())?;
    answer.json().await.map_err(|e| e.to_string())
}
