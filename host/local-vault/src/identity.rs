//! Identities of a seed with everything that the seed left out.

use crate::seed::{Federated, Identity, Managed, Role};
use crate::thumbprint::Application;
use sha2::{Digest as _, Sha256};

/// An identity.
pub struct Known {
    /// How the seed calls it.
    pub name: String,
    /// Application (client) id.
    pub client_id: String,
    /// Object (principal) id.
    pub object_id: String,
    /// Azure resource id, of a user-assigned managed identity.
    pub resource_id: Option<String>,
    /// Client secret.
    pub secret: Option<String>,
    /// Certificates whose keys may sign for it.
    pub certificates: Vec<Application>,
    /// Whose tokens stand for it.
    pub federated: Vec<Federated>,
    /// Whether and when the managed identity endpoint answers for it.
    pub managed: Option<Managed>,
    /// What it may do.
    pub roles: Vec<Role>,
}

/// Who a good token speaks for.
pub struct Caller<'a> {
    /// The identity.
    pub identity: &'a Known,
    /// Who issued the token.
    pub issuer: String,
}

impl Known {
    /// Fills in what the seed left out.
    ///
    /// # Errors
    /// A sentence, if a certificate cannot be read.
    pub fn of(seed: &Identity) -> Result<Self, String> {
        let certificates = seed.certificates.iter().map(|pem| Application::read(pem)).collect::<Result<_, _>>()?;
        let group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/local";
        let resource = || format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}", seed.name);
        Ok(Self {
            name: seed.name.clone(),
            client_id: client_id(seed),
            object_id: seed.object_id.clone().unwrap_or_else(|| uuid("object", &seed.name)),
            resource_id: (seed.managed == Some(Managed::User))
                .then(|| seed.resource_id.clone().unwrap_or_else(resource)),
            secret: seed.secret.clone(),
            certificates,
            federated: seed.federated.clone(),
            managed: seed.managed,
            roles: seed.roles.clone(),
        })
    }
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
