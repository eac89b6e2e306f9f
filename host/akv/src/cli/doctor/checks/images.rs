//! The images of the release.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::part::tag;
use crate::cli::doctor::verdict::Verdict;

const TOPIC: &str = "images";

/// Are all parts, and the executable that goes into pods, of one version?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    let mut tags: Vec<(String, String)> =
        facts.known_parts().iter().map(|part| (part.name(), tag(part.image()).to_owned())).collect();
    let executable = facts.webhook().and_then(|part| part.setting("env-image"));
    tags.extend(executable.map(|image| ("azure-keyvault-env".to_owned(), tag(&image).to_owned())));
    let Some((_, first)) = tags.first().cloned() else {
        return Vec::new();
    };
    if tags.iter().all(|(_, tag)| *tag == first) {
        return vec![Verdict::ok(TOPIC, format!("all are {first}"))];
    }
    let said: Vec<String> = tags.iter().map(|(name, tag)| format!("{name} is {tag}")).collect();
    let cause = format!("the parts are of different versions: {}", said.join(", "));
    let fix = "leave the tags away in the values, so that the chart's own version is used everywhere, and upgrade";
    let verdict = Verdict::warning(TOPIC, cause, fix);
    vec![match facts.known_parts().first() {
        Some(part) => verdict.run(part.upgrade()),
        None => verdict,
    }]
}
