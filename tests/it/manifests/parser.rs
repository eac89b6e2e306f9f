//! The parser behind `lint` and the controller, without either.

use super::row::{Accepted, Bad, Found, Speaker, rows};
use akv_api::plugin::AzureKeyVaultPlugin;
use akv_api::{AzureKeyVaultSecret, rule};
use akv_core::policy::Policy;
use akv_core::{Fault, Recipe, plugin_spec};
use kube::ResourceExt;
use serde::Deserialize;
use serde_json::Value;

/// The verdict of the parser on a manifest of any version: the paths of its warnings, or the faults. `Err` for what does
/// not even fit the types.
fn parsed(manifest: &Value) -> Result<Result<Vec<String>, Vec<Fault>>, serde_json::Error> {
    if manifest["kind"] == "AzureKeyVaultPlugin" {
        let plugin = AzureKeyVaultPlugin::deserialize(manifest)?;
        let faults = plugin_spec::faults(&plugin.name_any(), &plugin.spec);
        return Ok(if faults.is_empty() { Ok(Vec::new()) } else { Err(faults) });
    }
    let secret = AzureKeyVaultSecret::deserialize(manifest)?;
    let recipe = Recipe::parse(&secret.spec);
    Ok(recipe.map(|(_, warnings)| warnings.into_iter().map(|warning| warning.path).collect()))
}

#[test]
fn the_parser_refuses_what_it_should_with_the_rules_sentence() {
    let mut wrong = Vec::new();
    for (name, row) in rows::<Bad>("bad", 40) {
        let verdict = parsed(&row.manifest);
        match (row.is_said_by(Speaker::Controller), row.found) {
            // The types are those of the stored version, so only the API server can say that an older one lacks a field.
            (false, _) if row.manifest["apiVersion"] == "spv.no/v2alpha1" => {}
            // Nobody but the API server: a value that does not fit the types.
            (false, _) => assert!(verdict.is_err() || verdict.is_ok_and(|v| v.is_err()), "{name} was taken"),
            (true, Some(_)) => {
                assert!(verdict.is_ok_and(|v| v.is_ok()), "{name} did not come as far as its verdict");
            }
            (true, None) => {
                let faults = verdict.unwrap_or_else(|error| panic!("{name}: {error}")).expect_err(&name);
                let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
                let expected = [format!("{}: {}", row.path, row.sentence())];
                if said != expected {
                    wrong.push(format!("{name}: {said:?}\n  instead of {expected:?}"));
                }
                assert!(row.is_said_by(Speaker::Lint), "{name}: lint and the controller parse alike");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_policy_refuses_what_it_should() {
    let rows = rows::<Bad>("bad", 40);
    let rows: Vec<_> = rows.iter().filter(|(_, row)| row.found == Some(Found::Policy)).collect();
    assert!(rows.len() >= 3, "only {} rows", rows.len());
    for (name, row) in rows {
        let secret = AzureKeyVaultSecret::deserialize(&row.manifest).expect("it fits the types");
        let (recipe, _) = Recipe::parse(&secret.spec).expect("it is well written");
        let policy = Policy::from_value(row.policy.clone().expect("the row has a policy")).expect("a policy");
        for object in &recipe.objects {
            let fault = policy.allows(name, &recipe.vault, &object.object).expect_err(name);
            assert_eq!((&fault.path, &fault.message), (&row.path, &row.sentence()), "{name}");
            assert_eq!(Some(fault.reason), row.reason.as_deref(), "{name}");
        }
    }
}

#[test]
fn the_parser_takes_what_upstream_took_and_warns_of_what_is_ignored() {
    for (name, row) in rows::<Accepted>("accepted", 40) {
        let warnings = parsed(&row.manifest).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(warnings, Ok(row.warns), "{name}");
    }
}

#[test]
fn every_rule_has_a_row() {
    let rows = rows::<Bad>("bad", 40);
    for rule in rule::secret::ALL.iter().chain(rule::plugin::ALL) {
        let shown =
            rows.iter().any(|(_, row)| row.rule.as_deref() == Some(rule.id) && row.is_said_by(Speaker::ApiServer));
        assert!(shown, "no row shows that the API server says {}", rule.id);
    }
}
