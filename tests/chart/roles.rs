//! The roles are those under which every suite runs, from the same files; each is bound to an account of its own.

use super::helm::{manifests, rendered, template_in};
use akv_tests::Component;
use serde_json::{Value, json};

/// What `kind` of this name allows, in every namespace or in the release's.
fn rules(all: &[Value], kind: &str, name: &str) -> Vec<Value> {
    let found = all.iter().find(|m| m["kind"] == kind && m["metadata"]["name"] == name);
    found.map_or_else(Vec::new, |role| role["rules"].as_array().expect("rules").clone())
}

/// The objects that carry each component's account in the chart.
fn name(component: Component) -> &'static str {
    match component {
        Component::Controller => "akv2k8s-controller",
        Component::Webhook => "akv2k8s-envinjector",
        Component::CrdInstaller => "akv2k8s-crd-installer",
        Component::LegacyKeeper => "akv2k8s-legacy-keeper",
    }
}

#[test]
fn the_roles_are_the_files() {
    for everywhere in [true, false] {
        let all = rendered(&json!({"watchAllNamespaces": everywhere, "legacyPods": {"enabled": true}}));
        for component in Component::ALL {
            let written = component.rules().expect("the chart has the roles");
            let (wide, near) = match everywhere {
                true => ([written.everywhere, written.watched].concat(), written.own),
                false => (written.everywhere, [written.watched, written.own].concat()),
            };
            assert_eq!(rules(&all, "ClusterRole", name(component)), wide, "{component:?} {everywhere}");
            assert_eq!(rules(&all, "Role", name(component)), near, "{component:?} {everywhere}");
        }
    }
}

#[test]
fn the_names_in_the_roles_are_the_names_of_the_objects() {
    let all = rendered(&json!({"fullnameOverride": "vault", "env_injector": {"authoritySecret": "root"}}));
    let text = json!(rules(&all, "ClusterRole", "vault-envinjector")).to_string();
    assert!(text.contains("[\"vault-envinjector\"]") && !text.contains("akv2k8s-envinjector"), "{text}");
    assert!(json!(rules(&all, "Role", "vault-envinjector")).to_string().contains("[\"root\"]"));
    assert!(
        all.iter().any(|m| m["kind"] == "MutatingWebhookConfiguration" && m["metadata"]["name"] == "vault-envinjector")
    );
}

#[test]
fn each_binding_leads_to_a_role_and_an_account_of_the_release() {
    let apart = manifests(&template_in("shop", &json!({})).expect("it renders"));
    let together = manifests(&template_in("shop", &json!({"allInOne": true})).expect("it renders"));
    for all in [apart, together] {
        let there =
            |kind: &Value, name: &Value| all.iter().any(|m| m["kind"] == *kind && m["metadata"]["name"] == *name);
        for binding in all.iter().filter(|m| m["kind"].as_str().is_some_and(|kind| kind.ends_with("RoleBinding"))) {
            assert!(there(&binding["roleRef"]["kind"], &binding["roleRef"]["name"]), "{binding}");
            let subject = &binding["subjects"][0];
            assert_eq!(subject["namespace"], "shop");
            assert!(there(&json!("ServiceAccount"), &subject["name"]), "{binding}");
        }
    }
}

#[test]
fn pods_read_resources_themselves_only_where_no_service_does_it_for_them() {
    let reader = |values: Value| rules(&rendered(&values), "ClusterRole", "akv2k8s-envinjector-reader").len();
    assert_eq!(reader(json!({})), 0);
    assert_eq!(reader(json!({"env_injector": {"authService": false}})), 1);
    assert_eq!(reader(json!({"legacyPods": {"enabled": true}})), 1);
}
