//! What a request to a vault wants, parsed from method and path.

use crate::seed::{Operation, Role};

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `secrets`, `certificates` or `keys`.
    pub kind: String,
    /// What is done.
    pub verb: Verb,
    /// The object; empty for a list.
    pub name: String,
    /// A version; empty for the latest.
    pub version: String,
}

/// What is done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Read one.
    Get,
    /// List objects.
    List,
    /// List versions of one.
    Versions,
    /// The policy of a certificate.
    Policy,
    /// Write a new version.
    Set,
    /// Change attributes.
    Update,
    /// Delete softly.
    Delete,
    /// Read a deleted one.
    GetDeleted,
    /// Bring a deleted one back.
    Recover,
    /// Delete for good.
    Purge,
}

impl Call {
    /// `None` for what this service does not have.
    #[must_use]
    pub fn parse(method: &str, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (kind, rest) = parts.split_first()?;
        let call = |kind: &str, verb, name: &str, version: &str| {
            Some(Self { kind: kind.to_owned(), verb, name: name.to_owned(), version: version.to_owned() })
        };
        match (method, *kind, rest) {
            (m, "deletedsecrets", [name]) => match m {
                "GET" => call("secrets", Verb::GetDeleted, name, ""),
                "DELETE" => call("secrets", Verb::Purge, name, ""),
                _ => None,
            },
            ("POST", "deletedsecrets", [name, "recover"]) => call("secrets", Verb::Recover, name, ""),
            ("GET", "secrets" | "certificates" | "keys", []) => call(kind, Verb::List, "", ""),
            ("GET", "secrets" | "certificates" | "keys", [name, "versions"]) => call(kind, Verb::Versions, name, ""),
            ("GET", "certificates", [name, "policy"]) => call(kind, Verb::Policy, name, ""),
            ("GET", "secrets" | "certificates" | "keys", [name]) => call(kind, Verb::Get, name, ""),
            ("GET", "secrets" | "certificates" | "keys", [name, version]) => call(kind, Verb::Get, name, version),
            ("PUT", "secrets", [name]) => call(kind, Verb::Set, name, ""),
            ("PATCH", "secrets", [name]) => call(kind, Verb::Update, name, ""),
            ("PATCH", "secrets", [name, version]) => call(kind, Verb::Update, name, version),
            ("DELETE", "secrets", [name]) => call(kind, Verb::Delete, name, ""),
            _ => None,
        }
    }

    /// The kind of one object: `secret`, `certificate` or `key`.
    #[must_use]
    pub fn singular(&self) -> &str {
        self.kind.trim_end_matches('s')
    }

    /// The word of faults, counters and access policies, such as `get`.
    #[must_use]
    pub fn verb_name(&self) -> &'static str {
        match self.verb {
            Verb::Get | Verb::Policy | Verb::GetDeleted => "get",
            Verb::List | Verb::Versions => "list",
            Verb::Set | Verb::Update | Verb::Recover => "set",
            Verb::Delete | Verb::Purge => "delete",
        }
    }

    /// Kind and verb, such as `secrets.get`.
    #[must_use]
    pub fn operation(&self) -> String {
        format!("{}.{}", self.kind, self.verb_name())
    }

    /// What Azure's roles call it.
    #[must_use]
    pub fn action(&self) -> String {
        let tail = match (self.kind.as_str(), self.verb) {
            ("secrets", Verb::Get) => "getSecret/action",
            ("secrets", Verb::List | Verb::Versions | Verb::GetDeleted) => "readMetadata/action",
            ("secrets", Verb::Set) => "setSecret/action",
            ("secrets", Verb::Update) => "update/action",
            ("secrets", Verb::Recover) => "recover/action",
            ("secrets", Verb::Purge) => "purge/action",
            ("secrets", Verb::Delete) => "delete",
            _ => "read",
        };
        format!("Microsoft.KeyVault/vaults/{}/{tail}", self.kind)
    }

    fn permission(&self) -> Option<Operation> {
        Some(match (self.kind.as_str(), self.verb_name()) {
            ("secrets", "get") => Operation::SecretsGet,
            ("secrets", "list") => Operation::SecretsList,
            ("secrets", "set") => Operation::SecretsSet,
            ("secrets", "delete") => Operation::SecretsDelete,
            ("certificates", "get") => Operation::CertificatesGet,
            ("certificates", "list") => Operation::CertificatesList,
            ("keys", "get") => Operation::KeysGet,
            ("keys", "list") => Operation::KeysList,
            _ => return None,
        })
    }

    /// Whether one of the roles allows it.
    #[must_use]
    pub fn allowed(&self, vault: &str, roles: &[Role]) -> bool {
        let permission = self.permission();
        roles.iter().any(|role| {
            (role.vault == "*" || role.vault == vault)
                && permission.is_some_and(|p| role.allow.contains(&p))
                && self.name.to_lowercase().starts_with(&role.prefix.to_lowercase())
        })
    }
}
