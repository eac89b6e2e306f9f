//! `POST /pods`: what becomes of a pod.

use super::args::Uninjectable;
use super::image;
use super::review::{Answer, Request, Review};
use super::state::{Shared, State};
use akv_core::Recipe;
use akv_core::inject::{Knowledge, Plan, plan};
use akv_wire::Text;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::time::Instant;

/// The handler.
pub async fn pods(Extract(state): Extract<Shared>, body: Bytes) -> Response {
    let began = Instant::now();
    let review = match Review::parse(&body) {
        Ok(review) => review,
        Err(why) => return (StatusCode::BAD_REQUEST, why).into_response(),
    };
    let answer = decide(&state, review.request()).await;
    state.metrics.admission.observe(began.elapsed().as_secs_f64());
    ([(header::CONTENT_TYPE, "application/json")], review.answer(&answer)).into_response()
}

async fn decide(state: &State, request: &Request) -> Answer {
    if request.sub_resource == "ephemeralcontainers" {
        return Answer { warnings: ephemeral(&request.object), ..Answer::default() };
    }
    state.metrics.inspections.inc();
    let planned = match plan(&request.object, &state.injection) {
        Ok(planned) => planned,
        Err(faults) => {
            let sentence = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return uninjectable(state, request, sentence, Vec::new());
        }
    };
    if planned.is_empty() {
        return Answer { warnings: planned.warnings, ..Answer::default() };
    }
    match learn(state, request, &planned).await {
        Ok(knowledge) => {
            let changed = planned.apply(&request.object, &knowledge, &state.injection);
            state.metrics.mutations.inc();
            let patch = Some(json_patch::diff(&request.object, &changed));
            Answer { patch, warnings: planned.warnings, refused: None }
        }
        Err(sentence) => uninjectable(state, request, sentence, planned.warnings),
    }
}

fn uninjectable(state: &State, request: &Request, sentence: String, mut warnings: Vec<String>) -> Answer {
    state.metrics.mutations_failed.inc();
    let sentence = format!("akv2k8s cannot inject this pod: {sentence}");
    tracing::warn!(namespace = request.namespace, sentence, "a pod cannot be injected");
    match state.uninjectable {
        Uninjectable::Refuse => Answer { refused: Some(sentence), warnings, patch: None },
        Uninjectable::Admit => {
            warnings.push(sentence);
            Answer { warnings, ..Answer::default() }
        }
    }
}

/// What the plan does not say: commands of images, and which plugins are meant now.
async fn learn(state: &State, request: &Request, planned: &Plan) -> Result<Knowledge, String> {
    let mut knowledge = Knowledge::default();
    for name in planned.resources() {
        let Some(resource) = state.resource(&request.namespace, name) else {
            continue;
        };
        // A resource that is wrong says so itself, and the container will.
        let Ok((recipe, _)) = Recipe::parse(&resource.spec) else {
            continue;
        };
        let custom = state.plugins.custom_of(&state.client, &request.namespace, &recipe).await.unwrap_or_default();
        if state.injection.service.is_none()
            && let Some(plugin) = custom.keys().next()
        {
            return Err(format!(
                "AzureKeyVaultSecret {name} uses the custom plugin {plugin}, which a pod can only get from the auth service, and that is off"
            ));
        }
        let digests = custom.into_iter().map(|(plugin, found)| (plugin, found.digest)).collect();
        knowledge.plugins.insert(name.to_owned(), digests);
    }
    for wrap in planned.wraps.iter().filter(|wrap| wrap.command.is_none()) {
        state.metrics.images.inc();
        let found = image::command(state, &request.namespace, &request.object, wrap).await;
        let found = found.inspect_err(|_| {
            state.metrics.images_failed.inc();
        })?;
        knowledge.images.insert(wrap.name.clone(), found);
    }
    Ok(knowledge)
}

/// A container for debugging is added to a pod that runs: there is nothing left to mount into it.
fn ephemeral(pod: &Value) -> Vec<String> {
    let containers = pod["spec"]["ephemeralContainers"].as_array().into_iter().flatten();
    let refers = |container: &&Value| {
        let variables = container["env"].as_array().into_iter().flatten();
        variables.filter_map(|v| Text::parse(v["value"].as_str()?)).any(|text| text.references().next().is_some())
    };
    containers
        .filter(refers)
        .map(|container| {
            format!(
                "spec.ephemeralContainers[{}]: references of an ephemeral container stay text; in the pod's own containers `azure-keyvault-env exec -- COMMAND` has the values",
                container["name"].as_str().unwrap_or_default()
            )
        })
        .collect()
}
