//! The plugins.

use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::resource::Seen;
use crate::cli::doctor::verdict::{Verdict, first_of};
use std::collections::BTreeMap;

const TOPIC: &str = "plugins";

/// Is each of them ready, and is every one there that a resource names?
pub fn check(facts: &Facts) -> Vec<Verdict> {
    let plugins = match &facts.plugins {
        Ok(plugins) => plugins,
        Err(unread) => return vec![unread.verdict(TOPIC)],
    };
    let mut verdicts: Vec<Verdict> = plugins.iter().filter_map(broken).collect();
    let resources = facts.resources.as_deref().unwrap_or_default();
    verdicts.extend(unknown(resources, plugins).iter().map(|(name, users)| nowhere(name, users)));
    if verdicts.is_empty() {
        let custom = plugins.len();
        verdicts.push(Verdict::ok(TOPIC, format!("{custom} custom, {} built in", akv_defaults::names().count())));
    }
    verdicts
}

fn broken(plugin: &Seen) -> Option<Verdict> {
    let (reason, message) = match &plugin.ready {
        Some(ready) if ready.holds => return None,
        Some(ready) => (ready.reason.as_str(), ready.message.as_str()),
        None => ("not looked at", "no controller has tried it"),
    };
    let name = &plugin.name;
    let fix = "mend its source or digest as the message says; `akv2k8s plugin inspect` looks at the file as the controller does";
    let cause = format!("AzureKeyVaultPlugin {name} is not ready: {reason}: {message}");
    Some(Verdict::failure(TOPIC, cause, fix).run(format!("kubectl describe akvp {name}")))
}

/// Plugins that nobody has, each with the resources that name it.
fn unknown<'a>(resources: &'a [Seen], plugins: &[Seen]) -> BTreeMap<&'a str, Vec<String>> {
    let known =
        |name: &str| akv_defaults::names().any(|n| n == name) || plugins.iter().any(|plugin| plugin.name == name);
    let mut found = BTreeMap::<&str, Vec<String>>::new();
    for seen in resources {
        for name in seen.plugins.iter().filter(|name| !known(name)) {
            found.entry(name.as_str()).or_default().push(seen.name.clone());
        }
    }
    found
}

fn nowhere(name: &str, users: &[String]) -> Verdict {
    let cause = format!("{} uses a plugin {name} that does not exist", first_of(users));
    let fix = "mend the name, or list the plugin as AzureKeyVaultPlugin (values: plugins)";
    Verdict::failure(TOPIC, cause, fix).run("kubectl get akvp")
}
