//! Managed identities: what a virtual machine's metadata service and App Service answer.
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>.

use crate::answer::Answer;
use crate::identity::Known;
use crate::request::Read;
use crate::seed::Managed;
use crate::token::TokenService;
use serde_json::{Value, json};

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// The metadata service of a virtual machine (IMDS).
    Machine,
    /// The endpoint in `IDENTITY_ENDPOINT` of App Service.
    AppService,
}

/// The parameters that choose a user-assigned identity, and what of the identity each names.
type Named = fn(&Known) -> Option<&str>;
const SELECTORS: [(&str, Named); 5] = [
    ("client_id", |known| Some(&known.client_id)),
    ("object_id", |known| Some(&known.object_id)),
    // App Service's other word for the object id.
    ("principal_id", |known| Some(&known.object_id)),
    ("mi_res_id", |known| known.resource_id.as_deref()),
    ("msi_res_id", |known| known.resource_id.as_deref()),
];

impl TokenService {
    /// The identity and the resource that a request asks for.
    ///
    /// # Errors
    /// The answer to send.
    pub fn asked(&self, endpoint: Endpoint, request: &Read, header: &str) -> Result<(&Known, String), Answer> {
        match endpoint {
            Endpoint::AppService if request.header("x-identity-header") != header => {
                return Err(Answer { status: 401, headers: Vec::new(), body: json!({"error": "unauthorized_client"}) });
            }
            // It keeps a server from being used to ask for its tokens (SSRF).
            Endpoint::Machine if !request.header("metadata").eq_ignore_ascii_case("true") => {
                return Err(bad("Required metadata header not specified"));
            }
            Endpoint::Machine if !request.header("x-forwarded-for").is_empty() => {
                return Err(bad("Required metadata header not specified"));
            }
            _ => {}
        }
        let field = |name: &str| request.query.get(name).filter(|text| !text.is_empty());
        if field("api-version").is_none() {
            return Err(bad("api-version was not specified in the request"));
        }
        let resource = field("resource").ok_or_else(|| bad("Required audience parameter not specified"))?;
        let mut chosen = SELECTORS.iter().filter_map(|(name, named)| Some((field(name)?, named)));
        let identity = match (chosen.next(), chosen.next()) {
            (None, _) => self.identities.iter().find(|known| known.managed == Some(Managed::System)),
            (Some((text, named)), None) => self
                .identities
                .iter()
                .filter(|known| known.managed == Some(Managed::User))
                .find(|known| named(known).is_some_and(|id| id.eq_ignore_ascii_case(text))),
            _ => return Err(bad("Only one of client_id, object_id and the resource id can be specified")),
        };
        let identity = identity.ok_or_else(|| bad("Identity not found"))?;
        Ok((identity, resource.trim_end_matches('/').to_owned()))
    }

    /// A token for a managed identity: its numbers are texts.
    pub fn managed(&self, identity: &Known, resource: &str) -> Answer {
        let mut answer = self.issue(identity, resource);
        for name in ["expires_in", "ext_expires_in"] {
            answer.body[name] = Value::String(answer.body[name].to_string());
        }
        answer
    }
}

fn bad(description: &str) -> Answer {
    Answer {
        status: 400,
        headers: Vec::new(),
        body: json!({"error": "invalid_request", "error_description": description}),
    }
}
