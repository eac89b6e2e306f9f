//! `POST /pod/v1/resources`: what a container's environment refers to.

use super::audit::{self, Asked, Denied};
use super::broker::{self, refused};
use super::certificate::may;
use super::state::{Shared, State, now, seconds};
use akv_api::reason;
use akv_core::Recipe;
use akv_core::auth::{Verdict, may_use};
use akv_plugin::made_for;
use akv_process::tls::Peer;
use akv_wire::message::{Access, Answer, Plugin, ResourcesAnswer, ResourcesRequest, Wanted};
use akv_wire::reference::MARK;
use akv_wire::{PodIdentity, Reference, WireValue};
use axum::body::Bytes;
use axum::extract::{Extension, State as Extract};
use axum::response::Response;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};

/// A container refers to as many resources at most; a pod's spec could not hold more.
const MOST_RESOURCES: usize = 512;
/// And to so many of their entries together.
const MOST_QUERIES: usize = 2048;
/// Resources of one request that are looked at together.
const TOGETHER: usize = 16;

/// What somebody learns whose certificate does not do.
pub const NO_CERTIFICATE: &str = "this needs a certificate of a container; get one, or a new one";

/// The handler.
pub async fn resources(Extract(state): Extract<Shared>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let asked = Asked { request: "resources", from: peer.address, who: None, what: "" };
    let identity = match state.authority.peers().pod(&peer.chain, now()) {
        Ok(identity) => identity,
        Err(error) => return audit::answer::<()>(&state, asked, Err(Denied::unknown(NO_CERTIFICATE, error))),
    };
    let asked = Asked { who: Some(&identity), ..asked };
    let request = match parse(&body) {
        Ok(request) => request,
        Err(why) => return audit::answer::<()>(&state, asked, Err(Denied::malformed(why))),
    };
    let names = request.resources.iter().map(|wanted| wanted.name.as_str()).collect::<Vec<_>>().join(",");
    let result = decide(&state, &identity, &request).await;
    audit::answer(&state, Asked { what: &names, ..asked }, result)
}

/// A request whose names and queries are such that a reference could have them, each resource once.
fn parse(body: &[u8]) -> Result<ResourcesRequest, String> {
    let request: ResourcesRequest =
        serde_json::from_slice(body).map_err(|error| format!("the body is no request for resources: {error}"))?;
    let queries: usize = request.resources.iter().map(|wanted| wanted.queries.len()).sum();
    if request.resources.len() > MOST_RESOURCES || queries > MOST_QUERIES {
        return Err(format!("more than {MOST_RESOURCES} resources, or {MOST_QUERIES} entries of them"));
    }
    let mut seen = BTreeSet::new();
    for Wanted { name, queries, .. } in &request.resources {
        let legal = |query: &Option<String>| {
            let query = query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
            Reference::parse(&format!("{name}{MARK}{query}")).is_some()
        };
        if !legal(&None) || !queries.iter().all(legal) {
            return Err("a name or a query is one that no reference can have".to_owned());
        }
        if !seen.insert(name) {
            return Err(format!("{name} is asked for twice"));
        }
    }
    Ok(request)
}

async fn decide(state: &State, identity: &PodIdentity, request: &ResourcesRequest) -> Result<ResourcesAnswer, Denied> {
    let verdict = may(state, identity, "resources").await?;
    let values_only = state.broker.contains(&identity.namespace) || state.policy.restricts(&identity.namespace);
    if values_only {
        fence(&verdict, &request.resources)?;
    }
    let runs_ours = request.engine == made_for::ENGINE && request.target == made_for::target();
    let mut answer = ResourcesAnswer {
        access: None,
        resources: BTreeMap::new(),
        plugins: BTreeMap::new(),
        authorities: state.pod_authorities.clone(),
        proxy: state.pod_proxy.clone(),
    };
    let mut looks = Vec::with_capacity(request.resources.len());
    for wanted in &request.resources {
        looks.push(resource(state, identity, wanted, values_only, runs_ours));
    }
    let looked: Vec<_> = futures::stream::iter(looks).buffered(TOGETHER).collect().await;
    for (wanted, looked) in request.resources.iter().zip(looked) {
        let (one, plugins) = looked?;
        answer.resources.insert(wanted.name.clone(), one);
        answer.plugins.extend(plugins);
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
) -> Result<(Answer, BTreeMap<String, Plugin>), Denied> {
    let none = BTreeMap::new();
    let namespace = &identity.namespace;
    let Some(found) = state.resource(namespace, &wanted.name) else {
        let message = format!("there is no AzureKeyVaultSecret {:?} in namespace {namespace}", wanted.name);
        return Ok((refused(akv_wire::reason::RESOURCE_NOT_FOUND, message, true), none));
    };
    let recipe = match Recipe::parse(&found.spec) {
        Ok((recipe, _)) => recipe,
        Err(faults) => {
            let message = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Ok((refused(reason::INVALID_SPEC, message, false), none));
        }
    };
    for description in &recipe.objects {
        if let Err(fault) = state.policy.allows(namespace, &recipe.vault, &description.object) {
            return Ok((refused(fault.reason, fault.message, false), none));
        }
    }
    let custom = match state.plugins.custom_of(&state.client, namespace, &recipe).await {
        Ok(custom) => custom,
        Err(troubles) => {
            let reason = troubles.first().map_or(reason::PLUGIN_NOT_READY, |trouble| trouble.reason);
            let message = troubles.into_iter().map(|trouble| trouble.message).collect::<Vec<_>>().join("; ");
            return Ok((refused(reason, message, true), none));
        }
    };
    if values_only || (!custom.is_empty() && !runs_ours) {
        return Ok((broker::values(state, namespace, &recipe, wanted).await, none));
    }
    // A default plugin refuses by itself what its schema does not know; of others only the schema may.
    if !custom.is_empty()
        && let Err(trouble) = broker::check(state, namespace, &recipe, wanted).await
    {
        return Ok((broker::refusal(trouble), none));
    }
    let spec = serde_json::to_value(&found.spec).map_err(|e| Denied::unavailable(e.to_string()))?;
    let wait = state.pace().slot(recipe.vault.as_str(), recipe.objects.len(), seconds() * 1000.0);
    Ok((Answer::Recipe { spec, wait }, custom))
}

async fn access(state: &State) -> Result<Access, Denied> {
    let vault = state.vault.as_ref().ok_or_else(|| Denied::unavailable("the auth service is off"))?;
    let access = vault.access().await.map_err(|error| Denied::unavailable(error.to_string()))?;
    let token = WireValue::new(access.token.expose().to_vec());
    Ok(Access { token, expires: access.expires, vault_suffix: access.vault_suffix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn body(name: &str, query: &str) -> Vec<u8> {
        json!({"engine": "e", "target": "t", "resources": [{"name": name, "queries": [query, null]}]})
            .to_string()
            .into_bytes()
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(parse(&bytes).is_err());
        }

        #[test]
        fn what_passes_is_a_reference(name in r"[a-z0-9./%\\\n@? -]{0,12}|\PC{0,8}", query in r"[a-z./%\n-]{0,8}") {
            if let Ok(request) = parse(&body(&name, &query)) {
                prop_assert!(!name.is_empty() && !name.contains(['/', '%', '\\', '\n', '@', '?', ' ']));
                prop_assert!(!query.contains(['/', '%', '\n']));
                prop_assert_eq!(&request.resources[0].name, &name);
            }
        }
    }
}
