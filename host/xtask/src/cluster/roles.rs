//! The roles of the product's components, taken from the chart's own files, and the accounts that hold them.

use crate::failure::During;
use crate::{Outcome, layout};
use serde::Deserialize;
use serde_json::{Value, json};

/// The namespace of an installation that serves the whole cluster.
pub const HOME: &str = "akv2k8s";

/// A component that has an account of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// `akv2k8s controller`.
    Controller,
    /// `akv2k8s webhook`.
    Webhook,
    /// `akv2k8s crd apply`.
    CrdInstaller,
    /// `akv2k8s legacy keep-ca`.
    LegacyKeeper,
}

/// Where the components of an installation work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In every namespace.
    Everywhere,
    /// With `watchAllNamespaces=false`: in their own.
    OwnNamespace,
}

/// The rules of one component, as its file in the chart has them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Cluster-scoped things.
    pub everywhere: Vec<Value>,
    /// In each namespace that is watched.
    pub watched: Vec<Value>,
    /// In the namespace of the installation.
    pub own: Vec<Value>,
}

impl Component {
    /// Every component.
    pub const ALL: [Self; 4] = [Self::Controller, Self::Webhook, Self::CrdInstaller, Self::LegacyKeeper];

    /// The name of its file in the chart.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Webhook => "webhook",
            Self::CrdInstaller => "crd-installer",
            Self::LegacyKeeper => "legacy-keeper",
        }
    }

    /// The name of its service account.
    pub fn account(self) -> String {
        format!("akv2k8s-{}", self.as_str())
    }

    /// Its rules, from `charts/akv2k8s/files/roles`.
    pub fn rules(self) -> Outcome<Rules> {
        let path = layout::root().join("charts/akv2k8s/files/roles").join(format!("{}.yaml", self.as_str()));
        let text = std::fs::read_to_string(&path).during(path.display())?;
        serde_yaml_ng::from_str(&text).during(path.display())
    }

    /// The service account of this component in `namespace`, and the roles and bindings that the chart would make.
    pub fn objects(self, namespace: &str, reach: Reach) -> Outcome<Vec<Value>> {
        let rules = self.rules()?;
        let account = self.account();
        // Cluster-wide names carry the namespace, since tests install side by side.
        let wide = format!("{account}-{namespace}");
        let mut objects = vec![json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace},
        })];
        let everywhere = rules.everywhere.into_iter().map(|rule| named_for(rule, namespace)).collect();
        let (cluster_rules, namespace_rules) = match reach {
            Reach::Everywhere => ([everywhere, rules.watched].concat(), rules.own),
            Reach::OwnNamespace => (everywhere, [rules.watched, rules.own].concat()),
        };
        if !cluster_rules.is_empty() {
            objects.extend(role_and_binding("Cluster", &wide, None, &account, namespace, cluster_rules));
        }
        if !namespace_rules.is_empty() {
            objects.extend(role_and_binding("", &account, Some(namespace), &account, namespace, namespace_rules));
        }
        Ok(objects)
    }
}

/// Cluster-scoped things of an installation carry its namespace too, but for that of [`HOME`]; the CRDs are everybody's.
fn named_for(mut rule: Value, namespace: &str) -> Value {
    let names = rule.get_mut("resourceNames").and_then(Value::as_array_mut);
    for name in names.into_iter().flatten().filter(|_| namespace != HOME) {
        if let Some(ours) = name.as_str().filter(|name| name.starts_with("akv2k8s-")) {
            *name = json!(format!("{ours}-{namespace}"));
        }
    }
    rule
}

fn role_and_binding(
    prefix: &str,
    name: &str,
    within: Option<&str>,
    account: &str,
    home: &str,
    rules: Vec<Value>,
) -> [Value; 2] {
    let api = "rbac.authorization.k8s.io";
    let metadata = json!({"name": name, "namespace": within});
    [
        json!({"apiVersion": format!("{api}/v1"), "kind": format!("{prefix}Role"), "metadata": metadata, "rules": rules}),
        json!({
            "apiVersion": format!("{api}/v1"), "kind": format!("{prefix}RoleBinding"), "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": format!("{prefix}Role"), "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": home}],
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(component: Component, reach: Reach) -> Vec<String> {
        let objects = component.objects("shop", reach).expect("the chart has the roles");
        objects.iter().map(|o| o["kind"].as_str().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn an_installation_for_one_namespace_writes_nowhere_else() {
        let objects = Component::Controller.objects("shop", Reach::OwnNamespace).expect("the chart has the roles");
        for role in objects.iter().filter(|o| o["kind"] == "ClusterRole") {
            let text = role["rules"].to_string();
            assert!(!text.contains("secrets\"]") && !text.contains("configmaps") && !text.contains("create"), "{text}");
        }
    }

    #[test]
    fn an_installation_beside_another_may_change_its_own_webhooks_only() {
        let names = |namespace| {
            let objects = Component::Webhook.objects(namespace, Reach::Everywhere).expect("the chart has the roles");
            objects.iter().find(|o| o["kind"] == "ClusterRole").map(|o| o["rules"].to_string()).unwrap_or_default()
        };
        assert!(names(HOME).contains("[\"akv2k8s-envinjector\"]"));
        assert!(names("shop").contains("[\"akv2k8s-envinjector-shop\"]"));
        let of_controller =
            Component::Controller.objects("shop", Reach::OwnNamespace).expect("the chart has the roles");
        assert!(of_controller.iter().any(|o| o.to_string().contains("\"azurekeyvaultsecrets.spv.no\"")));
    }

    #[test]
    fn a_role_is_made_where_there_are_rules() {
        let all = ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"];
        assert_eq!(kinds(Component::Controller, Reach::Everywhere), all);
        assert_eq!(kinds(Component::CrdInstaller, Reach::Everywhere), all[..3]);
    }

    #[test]
    fn no_component_has_a_wildcard() {
        for component in Component::ALL {
            for object in component.objects("shop", Reach::Everywhere).expect("the chart has the roles") {
                assert!(!object.to_string().contains('*'), "{object}");
            }
        }
    }
}
