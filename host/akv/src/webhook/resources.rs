//! `POST /pod/v1/resources`: what a container's environment refers to.

use super::audit::{self, Denied};
use super::broker;
use super::certificate::may;
use super::state::{Shared, State, now, seconds};
use akv_api::reason;
use akv_core::Recipe;
use akv_core::auth::{Verdict, may_use};
use akv_plugin::engine;
use akv_process::tls::Peer;
use akv_wire::message::{Access, Answer, Plugin, Refused, ResourcesAnswer, ResourcesRequest, Wanted};
use akv_wire::{PodIdentity, WireValue};
use axum::body::Bytes;
use axum::extract::{Extension, State as Extract};
use axum::response::Response;
use std::collections::BTreeMap;

/// A container refers to as many resources at most; a pod's spec could not hold more.
const MOST_RESOURCES: usize = 512;

/// The handler.
pub async fn resources(Extract(state): Extract<Shared>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let identity = match state.authority.peers().pod(&peer.chain, now()) {
        Ok(identity) => identity,
        Err(error) => {
            return audit::answer::<()>(&state, "resources", None, "", Err(Denied::unknown(error.to_string())));
        }
    };
    let request = match serde_json::from_slice::<ResourcesRequest>(&body) {
        Ok(request) if request.resources.len() <= MOST_RESOURCES => request,
        Ok(_) => {
            let denied = Denied::malformed(format!("more than {MOST_RESOURCES} resources"));
            return audit::answer::<()>(&state, "resources", Some(&identity), "", Err(denied));
        }
        Err(error) => {
            let denied = Denied::malformed(format!("the body is no request for resources: {error}"));
            return audit::answer::<()>(&state, "resources", Some(&identity), "", Err(denied));
        }
    };
    let names = request.resources.iter().map(|wanted| wanted.name.as_str()).collect::<Vec<_>>().join(",");
    let result = decide(&state, &identity, &request).await;
    audit::answer(&state, "resources", Some(&identity), &names, result)
}

async fn decide(state: &State, identity: &PodIdentity, request: &ResourcesRequest) -> Result<ResourcesAnswer, Denied> {
    let verdict = may(state, identity, "resources").await?;
    let values_only = state.broker.contains(&identity.namespace) || state.policy.restricts(&identity.namespace);
    if values_only {
        fence(&verdict, &request.resources)?;
    }
    let runs_ours = request.engine == engine::ENGINE && request.target == engine::target();
    let mut answer = ResourcesAnswer {
        access: None,
        resources: BTreeMap::new(),
        plugins: BTreeMap::new(),
        authorities: state.pod_authorities.clone(),
        proxy: BTreeMap::new(),
    };
    for wanted in &request.resources {
        let one = resource(state, identity, wanted, values_only, runs_ours, &mut answer.plugins).await?;
        answer.resources.insert(wanted.name.clone(), one);
    }
    if answer.resources.values().any(|one| matches!(one, Answer::Recipe { .. })) {
        answer.access = Some(access(state).await?);
    }
    Ok(answer)
}

/// In `broker` namespaces only what stands in the container's own spec is given.
fn fence(verdict: &Verdict, wanted: &[Wanted]) -> Result<(), Denied> {
    for wanted in wanted {
        for query in &wanted.queries {
            if !may_use(verdict, &wanted.name, query.as_deref()) {
                let query = query.as_deref().map(|q| format!("?{q}")).unwrap_or_default();
                return Err(Denied::forbidden(format!("{}{query} is no reference of this container", wanted.name)));
            }
        }
        if wanted.files && !verdict.files.contains(&wanted.name) {
            return Err(Denied::forbidden(format!("files of {} are not for this container", wanted.name)));
        }
    }
    Ok(())
}

async fn resource(
    state: &State,
    identity: &PodIdentity,
    wanted: &Wanted,
    values_only: bool,
    runs_ours: bool,
    plugins: &mut BTreeMap<String, Plugin>,
) -> Result<Answer, Denied> {
    let namespace = &identity.namespace;
    let Some(found) = state.resource(namespace, &wanted.name) else {
        let message = format!("there is no AzureKeyVaultSecret {:?} in namespace {namespace}", wanted.name);
        return Ok(refused("ResourceNotFound", message, true));
    };
    let recipe = match Recipe::parse(&found.spec) {
        Ok((recipe, _)) => recipe,
        Err(faults) => {
            let message = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Ok(refused(reason::INVALID_SPEC, message, false));
        }
    };
    for description in &recipe.objects {
        if let Err(fault) = state.policy.allows(namespace, &recipe.vault, &description.object) {
            return Ok(refused(fault.reason, fault.message, false));
        }
    }
    let custom = match state.plugins.custom_of(&state.client, namespace, &recipe).await {
        Ok(custom) => custom,
        Err(troubles) => {
            let reason = troubles.first().map_or(reason::PLUGIN_NOT_READY, |trouble| trouble.reason);
            let message = troubles.into_iter().map(|trouble| trouble.message).collect::<Vec<_>>().join("; ");
            return Ok(refused(reason, message, true));
        }
    };
    if values_only || (!custom.is_empty() && !runs_ours) {
        return Ok(broker::values(state, namespace, &recipe, wanted).await);
    }
    for (name, plugin) in custom {
        plugins.insert(name, plugin);
    }
    let spec = serde_json::to_value(&found.spec).map_err(|e| Denied::unavailable(e.to_string()))?;
    let wait = state.pace().slot(recipe.vault.as_str(), recipe.objects.len(), seconds() * 1000.0);
    Ok(Answer::Recipe { spec, wait })
}

async fn access(state: &State) -> Result<Access, Denied> {
    let vault = state.vault.as_ref().ok_or_else(|| Denied::unavailable("the auth service is off"))?;
    let access = vault.access().await.map_err(|error| Denied::unavailable(error.to_string()))?;
    let token = WireValue::new(access.token.expose().to_vec());
    Ok(Access { token, expires: access.expires, vault_suffix: access.vault_suffix })
}

/// One resource that is not given.
pub fn refused(reason: &str, message: String, again: bool) -> Answer {
    Answer::Refused(Refused { reason: reason.to_owned(), message, retry_after: None, again })
}
