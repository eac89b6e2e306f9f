//! What a vault says when it gives no object.

use akv_api::reason;
use serde::Deserialize;

use crate::text::one_line;

/// Key Vault's error body, read into our own strings. The SDK borrows them from the body, which fails as soon as the
/// message holds an escape, and the message of every denied role does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// `error.code`, empty if the body is no error of Key Vault.
    code: String,
    /// `error.innererror.code`.
    inner: String,
    message: String,
}

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default, alias = "innerError")]
    innererror: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    code: Option<String>,
}

impl Answer {
    /// Reads an answer that is no success.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        match serde_json::from_slice::<Body>(body) {
            Ok(Body { error }) => Self {
                status,
                code: error.code.unwrap_or_default(),
                inner: error.innererror.and_then(|inner| inner.code).unwrap_or_default(),
                message: one_line(&error.message.unwrap_or_default()),
            },
            Err(_) => Self { status, ..Self::default() },
        }
    }

    /// Whether the body is one of Key Vault's own.
    fn is_vaults(&self) -> bool {
        !self.code.is_empty()
    }

    /// The reason and what to do.
    pub(crate) fn verdict(&self) -> (&'static str, &'static str) {
        match self.status {
            401 => (reason::VAULT_UNAUTHORIZED, "check that the identity's tenant is the vault's, and the cloud"),
            403 if self.inner.ends_with("Disabled") || self.message.contains("on a disabled ") => {
                (reason::OBJECT_DISABLED, DISABLED)
            }
            403 => (reason::VAULT_FORBIDDEN, self.forbidden()),
            // Only the vault's own word counts: a proxy's 404 must not look like a deleted object.
            404 if self.code.ends_with("NotFound") && self.code != "VaultNotFound" => {
                (reason::OBJECT_NOT_FOUND, "create it, or correct the name or version")
            }
            404 => (reason::VAULT_UNAVAILABLE, "check the vault's name, the cloud, and any proxy"),
            429 => (reason::VAULT_THROTTLED, LATER),
            300..=399 => (reason::VAULT_UNAVAILABLE, "a vault never redirects: check the cloud and any proxy"),
            400..=499 if self.status != 408 => (reason::VAULT_UNAVAILABLE, "check the name and version of the object"),
            _ => (reason::VAULT_UNAVAILABLE, LATER),
        }
    }

    fn forbidden(&self) -> &'static str {
        match self.inner.as_str() {
            "ForbiddenByRbac" => {
                "give the identity the role Key Vault Secrets User, Certificate User or Crypto User on it; a new assignment \
                 takes up to ten minutes"
            }
            "AccessDenied" => "allow the identity `get` in the vault's access policy",
            "ForbiddenByFirewall" | "ForbiddenByConnection" => {
                "let this cluster's network through the vault's firewall, or use a private endpoint"
            }
            _ => "let the identity and this network read it",
        }
    }
}

/// What to do about a disabled object.
pub(crate) const DISABLED: &str = "enable it, or name another version";
/// What to do about what passes by itself.
pub(crate) const LATER: &str = "it is tried again later";

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the vault answered {}", self.status)?;
        if !self.is_vaults() {
            return f.write_str(" with a body that is no error of Key Vault");
        }
        write!(f, " {}", self.code)?;
        if !self.inner.is_empty() {
            write!(f, "/{}", self.inner)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.trim_end_matches('.'))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: &str, said: &str, advice: &str) {
        let answer = Answer::read(status, body.as_bytes());
        let (reason, todo) = answer.verdict();
        assert_eq!(reason, expected, "{status} {body}");
        assert!(answer.to_string().contains(said), "{answer}");
        assert!(todo.contains(advice), "{todo}");
    }

    #[test]
    fn every_error_body_that_was_seen_has_a_reason_and_an_advice() {
        let rbac = r#"{"error":{"code":"Forbidden","message":"Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: appid=a;oid=o;iss=https://sts.windows.net/t/\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: '/subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/demo/secrets/db'\r\nAssignment: (not found)\r\nVault: demo;location=westeurope\r\n","innererror":{"code":"ForbiddenByRbac"}}}"#;
        for (status, body, reason, said, advice) in [
            (
                401,
                r#"{"error":{"code":"Unauthorized","message":"AKV10032: Invalid issuer. Expected one of https://sts.windows.net/t/."}}"#,
                reason::VAULT_UNAUTHORIZED,
                "401 Unauthorized: AKV10032: Invalid issuer",
                "tenant",
            ),
            (
                403,
                rbac,
                reason::VAULT_FORBIDDEN,
                "403 Forbidden/ForbiddenByRbac: Caller is not authorized to perform action on resource. If role",
                "Key Vault Secrets User",
            ),
            (
                403,
                r#"{"error":{"code":"Forbidden","message":"x","innerError":{"code":"AccessDenied"}}}"#,
                reason::VAULT_FORBIDDEN,
                "Forbidden/AccessDenied",
                "access policy",
            ),
            (
                403,
                r#"{"error":{"code":"Forbidden","message":"Client address is not authorized and caller is not a trusted service.","innererror":{"code":"ForbiddenByFirewall"}}}"#,
                reason::VAULT_FORBIDDEN,
                "Client address",
                "firewall",
            ),
            (
                403,
                r#"{"error":{"code":"Forbidden","message":"Operation get is not allowed on a disabled secret.","innererror":{"code":"SecretDisabled"}}}"#,
                reason::OBJECT_DISABLED,
                "SecretDisabled",
                "enable it",
            ),
            (
                403,
                r#"{"error":{"code":"Forbidden","message":"Operation get is not allowed on a disabled key."}}"#,
                reason::OBJECT_DISABLED,
                "disabled key",
                "enable it",
            ),
            (
                404,
                r#"{"error":{"code":"SecretNotFound","message":"A secret with (name/id) db was not found in this key vault."}}"#,
                reason::OBJECT_NOT_FOUND,
                "404 SecretNotFound",
                "create it",
            ),
            (
                404,
                r#"{"error":{"code":"CertificateNotFound","message":null}}"#,
                reason::OBJECT_NOT_FOUND,
                "404 CertificateNotFound",
                "create it",
            ),
            (404, r#"{"error":{"code":"VaultNotFound"}}"#, reason::VAULT_UNAVAILABLE, "VaultNotFound", "vault's name"),
            (404, "<html>not here</html>", reason::VAULT_UNAVAILABLE, "no error of Key Vault", "proxy"),
            (
                429,
                r#"{"error":{"code":"Throttled","message":"slow down"}}"#,
                reason::VAULT_THROTTLED,
                "429 Throttled",
                "later",
            ),
            (
                400,
                r#"{"error":{"code":"BadParameter","message":"x"}}"#,
                reason::VAULT_UNAVAILABLE,
                "BadParameter",
                "version",
            ),
            (302, "", reason::VAULT_UNAVAILABLE, "302", "never redirects"),
            (500, "", reason::VAULT_UNAVAILABLE, "500", "later"),
            (
                503,
                r#"{"error":{"code":"ServiceUnavailable"}}"#,
                reason::VAULT_UNAVAILABLE,
                "503 ServiceUnavailable",
                "later",
            ),
            (408, "", reason::VAULT_UNAVAILABLE, "408", "later"),
        ] {
            check(status, body, reason, said, advice);
        }
    }
}
