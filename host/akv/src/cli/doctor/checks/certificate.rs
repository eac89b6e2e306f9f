//! The serving certificate of the webhook.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::serving::{Shown, Trouble};
use crate::cli::doctor::verdict::Verdict;
use k8s_openapi::jiff::Timestamp;

const TOPIC: &str = "certificate";
/// It is replaced when half of its life is over, which is a week; what is older than this was not.
const SOON: i64 = 3 * 86_400;

/// Does the API server accept it?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    match &facts.shown {
        None => Vec::new(),
        Some(Err(unread)) => vec![unread.verdict(TOPIC)],
        Some(Ok(shown)) => vec![look(facts, shown)],
    }
}

fn look(facts: &Facts, shown: &Shown) -> Verdict {
    let name = &shown.name;
    let restart = facts
        .webhook()
        .map(|part| format!("kubectl rollout restart -n {} deployment/{}", part.namespace(), part.name()));
    let failure = |cause: String, fix: &str| {
        let verdict = Verdict::failure(TOPIC, cause, fix);
        match &restart {
            Some(command) => verdict.run(command),
            None => verdict,
        }
    };
    match &shown.trouble {
        Some(Trouble::Foreign) => failure(
            format!(
                "the certificate for {name} was not signed by an authority in the registration's caBundle, so the API server refuses the webhook"
            ),
            "restart the webhook: it puts its own bundle in; with cert-manager, the bundle is that of another Certificate",
        ),
        Some(Trouble::Expired) => failure(
            format!("the certificate for {name} is over, so the API server refuses the webhook"),
            "restart the webhook: it makes a new one; with cert-manager, look at its Certificate",
        ),
        Some(Trouble::Name) => failure(
            format!("the certificate that the webhook shows is not for {name}, the name that the API server asks for"),
            "the webhook was started for a Service of another name (--service-name): let the chart set both",
        ),
        Some(Trouble::Other(why)) => failure(
            format!("the API server would not accept the certificate for {name}: {why}"),
            "restart the webhook: it makes a new one",
        ),
        None => good(facts.now, shown),
    }
}

fn good(now: Timestamp, shown: &Shown) -> Verdict {
    let name = &shown.name;
    match akv_authority::end(&shown.certificate) {
        Ok(end) if end - now.as_second() < SOON => Verdict::warning(
            TOPIC,
            format!("the certificate for {name} ends on {}, and was not replaced in time", day(end)),
            "look at the log of the webhook; with cert-manager, at its Certificate",
        ),
        Ok(end) => Verdict::ok(TOPIC, format!("valid for {name} until {}", day(end))),
        Err(error) => Verdict::unknown(TOPIC, format!("the certificate for {name}: {error}"), None),
    }
}

/// The day of a moment in Unix seconds.
pub fn day(seconds: i64) -> String {
    let text = Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default();
    text.split('T').next().unwrap_or_default().to_owned()
}
