//! The authority of the webhook: a Secret with a root that stands in every injected pod.

use super::certificate::day;
use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::part::Part;
use crate::cli::doctor::serving::authorities;
use crate::cli::doctor::verdict::Verdict;

const TOPIC: &str = "authority";
/// Every pod has to be made anew under another root before this one ends.
const NEAR: i64 = 180 * 86_400;

/// Is it there, and does it last? The Secret itself is not read: the registration shows the public half of what is in it.
pub fn check(facts: &Facts) -> Vec<Verdict> {
    let (Some(part), Some(authority)) = (facts.webhook(), &facts.authority) else {
        return Vec::new();
    };
    let name = part.setting("authority-secret").unwrap_or_default();
    match authority {
        Err(unread) => return vec![unread.verdict(TOPIC)],
        Ok(false) => return vec![absent(part, &name)],
        Ok(true) => {}
    }
    let config = facts.registration().and_then(|found| found.webhooks.as_ref()?.first().map(|w| &w.client_config));
    let bundle = config.and_then(|config| config.ca_bundle.as_ref()).map(|bundle| authorities(&bundle.0));
    let ends = bundle.iter().flatten().filter_map(|root| akv_authority::end(root).ok());
    vec![match ends.min() {
        None => Verdict::ok(TOPIC, format!("Secret {name} is there")),
        Some(end) if end < facts.now.as_second() => over(
            format!("the root that pods trust ended on {}: no container can get its values", day(end)),
            part,
            &name,
        ),
        Some(end) if end - facts.now.as_second() < NEAR => Verdict::warning(
            TOPIC,
            format!("the root that pods trust ends on {}", day(end)),
            "plan a day before that on which it is made anew and every injected pod is restarted",
        ),
        Some(end) => Verdict::ok(TOPIC, format!("Secret {name} is there, its root lasts until {}", day(end))),
    }]
}

fn absent(part: &Part, name: &str) -> Verdict {
    let cause = format!(
        "Secret {}/{name} is missing, and no webhook that runs has put it back: one that starts now makes a new root, \
         which pods that run do not trust",
        part.namespace()
    );
    let fix = "let the webhook create Secrets, or put it back from a backup; else restart the webhook and then every \
               injected pod";
    Verdict::failure(TOPIC, cause, fix).run(restart(part))
}

fn over(cause: String, part: &Part, name: &str) -> Verdict {
    let fix = format!("delete Secret {name}, restart the webhook, then every injected pod");
    Verdict::failure(TOPIC, cause, fix).run(restart(part))
}

fn restart(part: &Part) -> String {
    format!("kubectl rollout restart -n {} deployment/{}", part.namespace(), part.name())
}
