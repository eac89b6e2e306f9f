//! `POST /validate`: what the schema cannot say of an `AzureKeyVaultSecret`, in the words of `lint` and of the condition.

use super::broker::call;
use super::review::{Answer, Request, Review};
use super::state::{Shared, State};
use akv_api::plugin::AzureKeyVaultPlugin;
use akv_api::{AzureKeyVaultSecret, reason};
use akv_core::Recipe;
use akv_plugin::render;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kube::{Api, ResourceExt};
use serde_json::Value;

/// The handler.
pub async fn resources(Extract(state): Extract<Shared>, body: Bytes) -> Response {
    let review = match Review::parse(&body) {
        Ok(review) => review,
        Err(why) => return (StatusCode::BAD_REQUEST, why).into_response(),
    };
    let answer = decide(&state, review.request()).await;
    ([(header::CONTENT_TYPE, "application/json")], review.answer(&answer)).into_response()
}

async fn decide(state: &State, request: &Request) -> Answer {
    let Findings { faults, mut warnings } = look(state, request).await;
    let same = !request.old_object.is_null() && request.old_object["spec"] == request.object["spec"];
    let leaving = !request.object["metadata"]["deletionTimestamp"].is_null();
    if faults.is_empty() || same || leaving {
        // Whoever changes a label of a resource that went wrong is not the one to mend it.
        warnings.extend(faults);
        return Answer { warnings, ..Answer::default() };
    }
    Answer { refused: Some(faults.join("; ")), warnings, ..Answer::default() }
}

/// Sentences with their places.
#[derive(Default)]
struct Findings {
    faults: Vec<String>,
    warnings: Vec<String>,
}

async fn look(state: &State, request: &Request) -> Findings {
    let mut findings = Findings::default();
    let resource = match parse(&request.object) {
        Ok(resource) => resource,
        Err(why) => {
            findings.faults.push(why);
            return findings;
        }
    };
    let namespace = resource.namespace().unwrap_or_else(|| request.namespace.clone());
    let recipe = match Recipe::parse(&resource.spec) {
        Ok((recipe, warnings)) => {
            findings.warnings.extend(warnings.into_iter().map(|w| format!("{}: {}", w.path, w.message)));
            recipe
        }
        Err(faults) => {
            findings.faults.extend(faults.iter().map(ToString::to_string));
            return findings;
        }
    };
    let denied = recipe.objects.iter().filter_map(|d| state.policy.allows(&namespace, &recipe.vault, &d.object).err());
    findings.faults.extend(denied.map(|fault| fault.to_string()));
    let plugins = match state.plugins.for_namespace(&state.client, &namespace, &recipe).await {
        Ok(allowed) => allowed.plugins,
        Err(troubles) => {
            for trouble in troubles {
                // What is not ready may be in a moment; the condition will say.
                let missing = trouble.reason == reason::PLUGIN_NOT_FOUND;
                let findings = if missing { &mut findings.faults } else { &mut findings.warnings };
                findings.push(trouble.message);
            }
            return findings;
        }
    };
    let checked = call(state, move || Ok(render::check(&recipe, &plugins))).await;
    for (path, fault) in checked.unwrap_or_default() {
        // A plugin that was made a moment ago, by the same `kubectl apply` perhaps, is not known here yet.
        let coming = fault.code == "plugin-not-found" && is_listed(state, fault.plugin.as_str()).await;
        let findings = if coming { &mut findings.warnings } else { &mut findings.faults };
        findings.push(format!("{path}: {fault}"));
    }
    findings
}

async fn is_listed(state: &State, plugin: &str) -> bool {
    let api = Api::<AzureKeyVaultPlugin>::all(state.client.clone());
    api.get_opt(plugin).await.is_ok_and(|found| found.is_some())
}

fn parse(object: &Value) -> Result<AzureKeyVaultSecret, String> {
    serde_json::from_value(object.clone()).map_err(|error| format!("this is no AzureKeyVaultSecret: {error}"))
}
