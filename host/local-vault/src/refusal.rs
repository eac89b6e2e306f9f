//! What Key Vault says when it refuses, word for word where its words are known: they have line breaks and quotes, which trip
//! clients.

use crate::answer::Answer;
use crate::call::Call;
use crate::identity::Caller;
use crate::seed::Authorization;

fn unauthorized(message: &str) -> Answer {
    Answer::error(401, "Unauthorized", None, message)
}

/// Without a token.
#[must_use]
pub fn no_token() -> Answer {
    unauthorized("AKV10000: Request is missing a Bearer or PoP token.")
}

/// With something that is no token, or one that is not valid yet or no more.
#[must_use]
pub fn bad_token() -> Answer {
    unauthorized("Error validating token: 'S2S12086'.")
}

/// With a token whose time is over.
#[must_use]
pub fn expired() -> Answer {
    unauthorized("[TokenExpired] Error validating token: 'S2S12086'.")
}

/// With a token that no known key signed; its header is shown, as Key Vault shows it.
#[must_use]
pub fn unknown_key(token: &str) -> Answer {
    let header = token.split('.').next().unwrap_or_default();
    unauthorized(&format!(
        "AKV10046: Unable to resolve the key used for signature validation. EncodedJwtHeader: '{header}'."
    ))
}

/// With a token for somebody else.
#[must_use]
pub fn audience(expected: &str, found: &str) -> Answer {
    unauthorized(&format!("AKV10022: Invalid audience. Expected {expected}, found: {found}."))
}

/// With a token of somebody else.
#[must_use]
pub fn issuer(expected: &str, found: &str) -> Answer {
    unauthorized(&format!("AKV10032: Invalid issuer. Expected one of {expected}, found {found}."))
}

/// Beyond the limits of the vault.
#[must_use]
pub fn throttled(seconds: u64) -> Answer {
    let message =
        "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached";
    Answer::error(429, "Throttled", None, message).with("retry-after", seconds.to_string())
}

/// Without a role, or without an access policy.
#[must_use]
pub fn forbidden(call: &Call, vault: &str, caller: &Caller<'_>, authorization: Authorization) -> Answer {
    let who = format!("appid={};oid={};iss={}", caller.identity.client_id, caller.identity.object_id, caller.issuer);
    let (inner, message) = match authorization {
        Authorization::Rbac => {
            let below = if call.name.is_empty() { String::new() } else { format!("/{}/{}", call.kind, call.name) };
            let message = format!(
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: {who}\r\nAction: '{}'\r\nResource: '/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/local/providers/microsoft.keyvault/vaults/{vault}{below}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: {vault};location=local\r\n",
                call.action(),
            );
            ("ForbiddenByRbac", message)
        }
        Authorization::AccessPolicy => {
            let message = format!(
                "The user, group or application '{who}' does not have {} {} permission on key vault '{vault};location=local'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
                call.kind,
                call.verb_name(),
            );
            ("ForbiddenByPolicy", message)
        }
    };
    Answer::error(403, "Forbidden", Some(inner), &message)
}

/// A version that is disabled.
#[must_use]
pub fn disabled(call: &Call) -> Answer {
    let inner = if call.kind == "keys" { "KeyDisabled" } else { "SecretDisabled" };
    let message = format!("Operation get is not allowed on a disabled {}.", call.singular());
    Answer::error(403, "Forbidden", Some(inner), &message)
}

/// A change of what belongs to a certificate.
#[must_use]
pub fn managed(call: &Call) -> Answer {
    let message = format!(
        "Operation \"{}\" is not allowed on this secret, since it is associated with a certificate. Perform the operation on the corresponding certificate. For more information refer to https://docs.microsoft.com/en-us/azure/key-vault/certificates/about-certificates#composition-of-a-certificate",
        call.verb_name(),
    );
    Answer::error(403, "Forbidden", Some("SecretManagedByKeyVault"), &message)
}

/// An object or version that is not there.
#[must_use]
pub fn not_found(call: &Call) -> Answer {
    let code = match call.kind.as_str() {
        "certificates" => "CertificateNotFound",
        "keys" => "KeyNotFound",
        _ => "SecretNotFound",
    };
    let slash = if call.version.is_empty() { "" } else { "/" };
    let singular = call.singular();
    let message = format!(
        "A {singular} with (name/id) {}{slash}{} was not found in this key vault. If you recently deleted this {singular} you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182",
        call.name, call.version,
    );
    Answer::error(404, code, None, &message)
}

/// A name that is taken by a deleted object.
#[must_use]
pub fn deleted(name: &str) -> Answer {
    let message = format!(
        "Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged."
    );
    Answer::error(409, "Conflict", Some("ObjectIsDeletedButRecoverable"), &message)
}

/// A request that cannot be done.
#[must_use]
pub fn bad_parameter(message: &str) -> Answer {
    Answer::error(400, "BadParameter", None, message)
}
