//! What the accounts of a release must be allowed to do: the rules of the chart, one verb on one resource at a time.

use super::part::Part;
use serde::Deserialize;

/// The rules that the chart makes roles of.
const CONTROLLER: &str = include_str!("../../../../../charts/akv2k8s/files/roles/controller.yaml");
const WEBHOOK: &str = include_str!("../../../../../charts/akv2k8s/files/roles/webhook.yaml");
/// The names that the chart puts those of a release in the place of.
const CONFIGURATION: &str = "akv2k8s-envinjector";
const AUTHORITY: &str = "akv2k8s-envinjector-authority";

#[derive(Debug, Deserialize)]
struct Rules {
    everywhere: Vec<Rule>,
    watched: Vec<Rule>,
    own: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

/// One thing that an account must be allowed to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The API group; empty for the core.
    pub group: String,
    /// In the plural.
    pub resource: String,
    /// As in `resource/subresource`; empty for the resource itself.
    pub subresource: String,
    /// What to do with it.
    pub verb: String,
    /// The one object that it is about; empty for all.
    pub name: String,
    /// The namespace; `None` for the whole cluster.
    pub namespace: Option<String>,
}

impl std::fmt::Display for Wish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { group, resource, subresource, verb, name, .. } = self;
        write!(f, "{verb} {resource}")?;
        if !group.is_empty() {
            write!(f, ".{group}")?;
        }
        if !subresource.is_empty() {
            write!(f, "/{subresource}")?;
        }
        if !name.is_empty() {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// What the account of a part must be allowed to do.
///
/// # Errors
/// The rules in this program are no rules.
pub fn wishes(part: &Part) -> Result<Vec<Wish>, serde_yaml_ng::Error> {
    let mut all = Vec::new();
    let texts = [(part.controls(), CONTROLLER), (part.admits(), WEBHOOK)];
    for (_, text) in texts.into_iter().filter(|(needed, _)| *needed) {
        let Rules { everywhere, watched, own } = serde_yaml_ng::from_str(text)?;
        let home = Some(part.namespace());
        let reach = if part.everywhere() { None } else { home.clone() };
        for (rules, namespace) in [(everywhere, None), (watched, reach), (own, home)] {
            all.extend(rules.iter().flat_map(|rule| of_rule(rule, part, namespace.as_ref())));
        }
    }
    Ok(all)
}

fn of_rule(rule: &Rule, part: &Part, namespace: Option<&String>) -> Vec<Wish> {
    let names: Vec<String> = match rule.resource_names.as_slice() {
        [] => vec![String::new()],
        names => names.iter().map(|name| of_release(name, part)).collect(),
    };
    let mut wishes = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            for name in &names {
                wishes.extend(rule.verbs.iter().map(|verb| Wish {
                    group: group.clone(),
                    resource: resource.to_owned(),
                    subresource: subresource.to_owned(),
                    verb: verb.clone(),
                    name: name.clone(),
                    namespace: namespace.cloned(),
                }));
            }
        }
    }
    wishes
}

/// The name of a thing of this release.
fn of_release(name: &str, part: &Part) -> String {
    let set = match name {
        AUTHORITY => part.setting("authority-secret"),
        CONFIGURATION => part.setting("mutating-configuration"),
        _ => None,
    };
    set.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn part(args: &[&str]) -> Part {
        let deployment = json!({
            "metadata": {"name": "akv2k8s", "namespace": "home"},
            "spec": {"selector": {}, "template": {"spec": {"containers": [{
                "name": "c", "image": "akv2k8s/akv2k8s:1", "args": args,
            }]}}},
        });
        Part::of(&serde_json::from_value(deployment).expect("a Deployment")).expect("a part")
    }

    fn said(args: &[&str]) -> Vec<String> {
        wishes(&part(args)).expect("the rules are rules").iter().map(Wish::to_string).collect()
    }

    #[test]
    fn what_the_chart_grants_is_asked_for_in_the_names_of_the_release() {
        let all = said(&["webhook", "--authority-secret=mine", "--mutating-configuration=hooks"]);
        for wish in [
            "create tokenreviews.authentication.k8s.io",
            "patch mutatingwebhookconfigurations.admissionregistration.k8s.io hooks",
            "update secrets mine in home",
            "get pods",
        ] {
            assert!(all.iter().any(|known| known == wish), "{wish} is not among {all:?}");
        }
        assert!(said(&["controller"]).contains(&"patch azurekeyvaultsecrets.spv.no/status".to_owned()));
        assert!(said(&["run"]).len() > all.len());
    }

    #[test]
    fn a_release_of_one_namespace_needs_nothing_elsewhere() {
        let all = said(&["controller", "--watch-all-namespaces=false"]);
        assert!(all.contains(&"patch secrets in home".to_owned()), "{all:?}");
        assert!(!all.contains(&"patch secrets".to_owned()), "{all:?}");
    }
}
