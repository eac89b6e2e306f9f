//! Whether a container may ask now, and for what.

use crate::inject::{self, Settings};
use akv_api::name;
use akv_wire::name::COPY_CONTAINER;
use akv_wire::{Arguments, PodIdentity, Reference, Text};
use serde_json::Value;
use std::collections::BTreeSet;
use thiserror::Error;

/// What is true of a container that may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The start that it asks for: its number of restarts and what the kubelet calls it, if it has said so.
    pub start: String,
    /// What its literal variables refer to.
    pub references: BTreeSet<Reference>,
    /// The resources whose files it takes.
    pub files: BTreeSet<String>,
    /// Whether it has variables that admission could not see, by the annotation.
    pub indirect: bool,
}

/// Why a container gets no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotNow {
    /// Never: it is not who it says, or was never meant to ask.
    #[error("{0}")]
    Never(&'static str),
    /// The kubelet has not said that it is starting; it may in a moment.
    #[error("container {0} is not starting: credentials are given only until it has run for {1} s")]
    Window(String, i64),
}

/// Whether the container that proved to be `identity` may ask at `now`, Unix seconds, and what for. `pod` is the pod as the
/// API server has it, `labelled` whether injection is on in its namespace.
///
/// # Errors
/// Says why not, and whether a moment later it may be otherwise: the kubelet's word lags behind the container.
pub fn may_ask(
    pod: Option<&Value>,
    labelled: bool,
    identity: &PodIdentity,
    settings: &Settings,
    now: i64,
    window: i64,
) -> Result<Verdict, NotNow> {
    let pod = pod.ok_or(NotNow::Never("there is no such pod"))?;
    if pod["metadata"]["uid"] != *identity.uid {
        return Err(NotNow::Never("the pod of this name is another one"));
    }
    if !labelled {
        return Err(NotNow::Never("injection is not on in the pod's namespace"));
    }
    if pod["metadata"]["labels"][name::INJECT] == "disabled" {
        return Err(NotNow::Never("the pod opted out of injection"));
    }
    let container =
        wrapped(pod, &identity.container, settings).ok_or(NotNow::Never("the container was not injected"))?;
    if !is_open(pod, &identity.container, now, window) {
        return Err(NotNow::Window(identity.container.clone(), window));
    }
    Ok(Verdict {
        start: start(pod, &identity.container),
        references: references(container),
        files: files(container),
        indirect: pod["metadata"]["annotations"][name::INJECT] == "true",
    })
}

/// Whether a container of which [`may_ask`] said yes may have this entry where only what its spec names is given.
pub fn may_use(verdict: &Verdict, resource: &str, query: Option<&str>) -> bool {
    let reference =
        Reference { resource: resource.to_owned(), query: query.filter(|q| !q.is_empty()).map(str::to_owned) };
    // With the annotation the variables come from where admission did not look; the policy and the resources of the
    // namespace are the fence then.
    verdict.indirect || verdict.references.contains(&reference)
}

fn wrapped<'a>(pod: &'a Value, name: &str, settings: &Settings) -> Option<&'a Value> {
    if name == COPY_CONTAINER {
        return None;
    }
    let container = inject::containers(pod).find(|c| c["name"] == *name)?;
    let ours = container["command"][0] == *settings.executable() && arguments(container)?.container == name;
    ours.then_some(container)
}

fn arguments(container: &Value) -> Option<Arguments> {
    let args: Vec<String> = container["args"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Arguments::parse(&args).ok().map(|(arguments, _)| arguments)
}

fn references(container: &Value) -> BTreeSet<Reference> {
    let variables = container["env"].as_array().into_iter().flatten();
    let texts = variables.filter_map(|variable| Text::parse(variable["value"].as_str()?));
    texts.flat_map(|text| text.references().cloned().collect::<Vec<_>>()).collect()
}

fn files(container: &Value) -> BTreeSet<String> {
    arguments(container).into_iter().flat_map(|arguments| arguments.files.into_keys()).collect()
}

fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    let lists = ["initContainerStatuses", "containerStatuses"].into_iter();
    lists.flat_map(|list| pod["status"][list].as_array().into_iter().flatten()).find(|s| s["name"] == *container)
}

/// Waiting, or running for less than `window` seconds. A pod whose kubelet has said nothing yet is waiting.
fn is_open(pod: &Value, container: &str, now: i64, window: i64) -> bool {
    let Some(status) = status(pod, container) else {
        return pod["status"]["phase"].as_str().is_none_or(|phase| phase == "Pending");
    };
    let state = &status["state"];
    if let Some(started) = state["running"]["startedAt"].as_str() {
        return timestamp(started).is_some_and(|started| now - started < window);
    }
    // An empty state is the API's way to say waiting.
    !state["waiting"].is_null() || state.as_object().is_none_or(serde_json::Map::is_empty)
}

fn start(pod: &Value, container: &str) -> String {
    let status = status(pod, container).unwrap_or(&Value::Null);
    let restarts = status["restartCount"].as_i64().unwrap_or(0);
    format!("{restarts} {}", status["state"]["running"]["startedAt"].as_str().unwrap_or_default())
}

pub(super) fn timestamp(text: &str) -> Option<i64> {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(text, format).ok().map(time::OffsetDateTime::unix_timestamp)
}

#[cfg(test)]
mod tests;
