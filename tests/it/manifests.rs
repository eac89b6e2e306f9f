//! What the API server and the parser behind `lint` and the controller say to each manifest of `tests/data/manifests`.
//!
//! A row of `bad` names who refuses it. A rule is said in the same words by all; the path of the API server is that of the
//! parser, or `serverPath` where CEL can name only the list. What only a policy, a plugin or a value can say (`found`)
//! must pass here before it can fail there. A row of `accepted` names the paths of its warnings.

use akv_api::plugin::AzureKeyVaultPlugin;
use akv_api::{AzureKeyVaultSecret, rule};
use akv_core::policy::Policy;
use akv_core::{Fault, Recipe, plugin_spec};
use akv_tests::Cluster;
use kube::api::{Api, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::core::discovery::ApiResource;
use kube::{Client, ResourceExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Speaker {
    ApiServer,
    Lint,
    Controller,
}

/// What stands behind a verdict that is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Found {
    Policy,
    Plugin,
    Value,
}

/// `about`, `value` and `reason` are for people and for the tests of the controller.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bad {
    says: Vec<Speaker>,
    path: String,
    server_path: Option<String>,
    rule: Option<String>,
    sentence: Option<String>,
    found: Option<Found>,
    reason: Option<String>,
    namespace: Option<String>,
    policy: Option<Value>,
    manifest: Value,
}

#[derive(Debug, Deserialize)]
struct Accepted {
    warns: Vec<String>,
    manifest: Value,
}

impl Bad {
    fn sentence(&self) -> String {
        let Some(id) = &self.rule else {
            return self.sentence.clone().expect("a row has a rule or a sentence");
        };
        let mut rules = rule::secret::ALL.iter().chain(rule::plugin::ALL);
        rules.find(|rule| rule.id == id).unwrap_or_else(|| panic!("there is no rule {id}")).sentence.to_owned()
    }

    fn is_said_by(&self, speaker: Speaker) -> bool {
        self.says.contains(&speaker)
    }
}

/// The rows of a folder with their file names, in order.
fn rows<T: for<'a> Deserialize<'a>>(folder: &str, at_least: usize) -> Vec<(String, T)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/manifests").join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder of the rows is there");
    let mut rows: Vec<(String, T)> = entries
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let text = std::fs::read_to_string(&path).expect("the row can be read");
            let row = serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().expect("a file has a name").to_string_lossy().into_owned(), row)
        })
        .collect();
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(rows.len() >= at_least, "only {} rows in {}", rows.len(), folder.display());
    rows
}

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

/// What the API server says to creating it; nothing is stored.
async fn served(client: &Client, manifest: &Value) -> Result<(), String> {
    let object = DynamicObject::deserialize(manifest).expect("a manifest is an object");
    let types = object.types.as_ref().expect("a manifest has a kind");
    let gvk = GroupVersionKind::try_from(types).expect("a manifest has a version");
    let resource = ApiResource::from_gvk(&gvk);
    let api: Api<DynamicObject> = match types.kind.as_str() {
        "AzureKeyVaultPlugin" => Api::all_with(client.clone(), &resource),
        _ => Api::namespaced_with(client.clone(), "default", &resource),
    };
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    match api.create(&dry_run, &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 422 => Err(status.message.clone()),
        Err(error) => panic!("{error}"),
    }
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
        let namespace = row.namespace.as_deref().expect("the row has a namespace");
        for object in &recipe.objects {
            let fault = policy.allows(namespace, &recipe.vault, &object.object).expect_err(name);
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

#[tokio::test]
async fn the_api_server_refuses_what_it_should_with_the_rules_sentence() {
    let client = Cluster::shared().await.admin().await;
    let mut wrong = Vec::new();
    for (name, row) in rows::<Bad>("bad", 40) {
        let (path, sentence) = (row.server_path.as_ref().unwrap_or(&row.path), row.sentence());
        match (row.is_said_by(Speaker::ApiServer), served(&client, &row.manifest).await) {
            (true, Ok(())) => wrong.push(format!("{name} was taken")),
            (true, Err(said)) if !said.contains(&format!("{path}: ")) || !said.contains(&sentence) => {
                wrong.push(format!("{name}: {said}\n  instead of {path}: … {sentence}"));
            }
            (false, Err(said)) => wrong.push(format!("{name} was refused: {said}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_api_server_takes_what_upstream_took() {
    let client = Cluster::shared().await.admin().await;
    let mut wrong = Vec::new();
    for (name, row) in rows::<Accepted>("accepted", 40) {
        if let Err(said) = served(&client, &row.manifest).await {
            wrong.push(format!("{name}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_client_of_an_older_version_does_not_erase_what_the_controller_recorded() {
    let namespace = Cluster::shared().await.namespace("older", &[]).await;
    let client = namespace.cluster().admin().await;
    let api: Api<AzureKeyVaultSecret> = Api::namespaced(client.clone(), namespace.name());
    let (_, row) =
        rows::<Accepted>("accepted", 40).into_iter().find(|(name, _)| name == "tutorial-secret").expect("it is there");
    let wanted = AzureKeyVaultSecret::deserialize(&row.manifest).expect("it fits the types");
    api.create(&PostParams::default(), &wanted).await.expect("it is accepted");
    let status = json!({"status": {
        "secretKeys": ["password"],
        "conditions": [{"type": "Ready", "status": "False", "reason": "VaultForbidden", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
    }});
    api.patch_status("row", &PatchParams::default(), &Patch::Merge(&status)).await.expect("a status is accepted");

    // A read, a change of the spec and a write, all through `v1`, which knows neither field.
    let gvk = GroupVersionKind::gvk("spv.no", "v1", "AzureKeyVaultSecret");
    let older: Api<DynamicObject> = Api::namespaced_with(client, namespace.name(), &ApiResource::from_gvk(&gvk));
    let mut object = older.get("row").await.expect("v1 is served");
    object.data["spec"]["vault"]["name"] = json!("shop-test");
    older.replace("row", &PostParams::default(), &object).await.expect("v1 takes the change");

    let stored = api.get("row").await.expect("it is still there");
    assert_eq!(stored.spec.vault.name, "shop-test");
    let status = stored.status.expect("the status is kept");
    assert_eq!(status.secret_keys, Some(vec!["password".to_owned()]));
    assert_eq!(status.conditions.map(|conditions| conditions[0].reason.clone()), Some("VaultForbidden".to_owned()));
}
