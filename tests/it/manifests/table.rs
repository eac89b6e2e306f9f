//! The whole table: the API server, `lint`, `render` and the controller over every bad row.

use super::offline::{Desk, Finding, Said, base_objects, leads_to};
use super::row::{Bad, Found, Speaker, rows};
use super::server::served;
use akv_api::{AzureKeyVaultPlugin, AzureKeyVaultSecret};
use akv_tests::{Cluster, Controller};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use local_vault::{LocalVault, Options, Seed};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// For some forty resources, of which the slowest runs forty plugins, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

type Rows = Vec<(String, Bad)>;

#[tokio::test]
async fn the_same_rule_speaks_everywhere() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let rows = rows::<Bad>("bad", 120);
    let cluster = Cluster::own("table").await;
    let client = cluster.admin().await;
    // Before anything is stored.
    let mut verdicts = Vec::new();
    for (_, row) in &rows {
        verdicts.push(served(&client, &row.manifest).await);
    }
    let heard = controller(&cluster, &client, &rows).await;
    let mut wrong = Vec::new();
    println!("{:<36} {:<9} {:<9} {:<9} {:<16} says", "row", "server", "lint", "render", "controller");
    for ((name, row), server) in rows.iter().zip(verdicts) {
        wrong.extend(refusal(name, row, &server));
        let desk = Desk::bad(name, row);
        let lint = desk.lint();
        wrong.extend(offline(name, row, Speaker::Lint, &lint));
        let render = row.is_said_by(Speaker::Render).then(|| desk.render());
        wrong.extend(render.iter().flat_map(|said| offline(name, row, Speaker::Render, said)));
        let expected = (row.reason().to_owned(), format!("{}: {}", row.path, row.sentence()));
        let controller = heard.get(name);
        if controller.is_some_and(|heard| *heard != expected) {
            wrong.push(format!("{name}: the controller says {controller:?}\n  instead of {expected:?}"));
        }
        println!(
            "{name:<36} {:<9} {:<9} {:<9} {:<16} {}: {}",
            if server.is_err() { "refuses" } else { "takes" },
            if lint.code == 0 { "takes" } else { "refuses" },
            render.map_or("-", |said| if said.code == 0 { "takes" } else { "refuses" }),
            controller.map_or("never sees it", |(reason, _)| reason.as_str()),
            row.path,
            row.sentence(),
        );
    }
    println!(
        "{} rows: the API server refuses {}, lint {}, render {}; the controller {} that the API server takes",
        rows.len(),
        count(&rows, Speaker::ApiServer),
        count(&rows, Speaker::Lint),
        count(&rows, Speaker::Render),
        heard.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn count(rows: &Rows, speaker: Speaker) -> usize {
    rows.iter().filter(|(_, row)| row.is_said_by(speaker)).count()
}

fn refusal(name: &str, row: &Bad, server: &Result<(), String>) -> Option<String> {
    match (row.is_said_by(Speaker::ApiServer), server) {
        (true, Ok(())) => Some(format!("{name} was taken by the API server")),
        (true, Err(said)) if !said.contains(&row.sentence()) => {
            Some(format!("{name}: the API server says {said}\n  instead of {}", row.sentence()))
        }
        (false, Err(said)) => Some(format!("{name} was refused by the API server: {said}")),
        _ => None,
    }
}

/// What is wrong with what `lint` or `render` says: how it ended, its one sentence, path, line.
fn offline(name: &str, row: &Bad, speaker: Speaker, said: &Said) -> Option<String> {
    let errors: Vec<&Finding> = said.errors().collect();
    let expected = format!("error {}: {}: {}", row.reason(), row.path, row.sentence());
    let same = match (row.is_said_by(speaker), errors.as_slice()) {
        (false, []) => said.code == 0,
        (true, [error]) => {
            // A hint may follow the API server's words.
            let rest = error.text.strip_prefix(&expected);
            let same = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("; "));
            said.code == 1 && same && leads_to(&row.manifest, &row.path, &error.points_at)
        }
        _ => false,
    };
    let points: Vec<&str> = errors.iter().map(|error| error.points_at.trim()).collect();
    (!same).then(|| {
        format!(
            "{name}: {speaker:?} ended with {}, points at {points:?}: {}  instead of {expected}",
            said.code, said.whole
        )
    })
}

/// Lets a controller look at everything that the API server takes; returns reason and message by row.
async fn controller(
    cluster: &std::sync::Arc<Cluster>,
    client: &Client,
    rows: &Rows,
) -> BTreeMap<String, (String, String)> {
    let taken: Vec<&(String, Bad)> = rows.iter().filter(|(_, row)| !row.is_said_by(Speaker::ApiServer)).collect();
    let vault = LocalVault::start(seed(&taken), Options::default()).await.unwrap_or_else(|e| panic!("{e}"));
    let mut environment = vault.environment("controller");
    environment.push(("AUTH_TYPE".to_owned(), "environment".to_owned()));
    let (directory, policy) = (cluster.dir().join("plugins"), cluster.dir().join("policy.yaml"));
    put_files(&directory, &taken);
    std::fs::write(&policy, whole_policy(&taken).to_string()).unwrap_or_else(|e| panic!("{e}"));
    for object in taken.iter().flat_map(|(name, row)| objects(name, row)) {
        apply(client, &object).await;
    }
    let (directory, policy) = (directory.display().to_string(), policy.display().to_string());
    let args = ["--plugin-dir", &directory, "--vault-access-policy", &policy];
    let controller = Controller::start_everywhere(cluster, &environment, &args).await;
    let look = || async {
        let heard = conditions(client).await?;
        taken
            .iter()
            .all(|(name, row)| {
                let expected = (row.reason().to_owned(), format!("{}: {}", row.path, row.sentence()));
                heard.get(name) == Some(&expected)
            })
            .then_some(heard)
    };
    let heard = match akv_tests::wait::try_wait_for("every row to be refused", PATIENCE, look).await {
        Ok(heard) => heard,
        // What was heard instead is said row by row.
        Err(_) => conditions(client).await.unwrap_or_default(),
    };
    for (name, _) in &taken {
        assert!(heard.contains_key(name), "{name} has no condition\n{}", controller.log());
    }
    heard.into_iter().filter(|(name, _)| taken.iter().any(|(row, _)| row == name)).collect()
}

/// The vault of all rows together.
fn seed(rows: &[&(String, Bad)]) -> Seed {
    let mut vault = base_objects();
    for (name, row) in rows {
        for (kind, objects) in &row.vault {
            let all = vault[kind].as_array_mut().expect("a list");
            for object in objects {
                assert!(all.iter().all(|other| other["name"] != object["name"]), "{name}: an object of another row");
                all.push(object.clone());
            }
        }
    }
    vault["name"] = json!("shop-prod");
    let seed = json!({
        "identities": [{"name": "controller", "secret": "local-secret", "roles": [
            {"vault": "shop-prod", "allow": ["secrets/get", "certificates/get", "keys/get"]},
        ]}],
        "vaults": [vault],
    });
    Seed::parse(&seed.to_string()).unwrap_or_else(|e| panic!("{e}"))
}

/// The grants of the rows that bring a policy, and everything for the others.
fn whole_policy(rows: &[&(String, Bad)]) -> Value {
    let own = |row: &Bad| row.policy.as_ref().and_then(|p| p["vaultAccess"].as_array().cloned());
    let mut grants: Vec<Value> = rows.iter().filter_map(|(_, row)| own(row)).flatten().collect();
    let free: Vec<&String> = rows.iter().filter(|(_, row)| row.policy.is_none()).map(|(name, _)| name).collect();
    grants.push(json!({"namespaces": free}));
    json!({"vaultAccess": grants})
}

fn put_files(directory: &Path, rows: &[&(String, Bad)]) {
    std::fs::create_dir_all(directory).unwrap_or_else(|e| panic!("{e}"));
    for (name, row) in rows {
        for (file, content) in &row.files {
            let file = directory.join(file);
            assert!(!file.exists(), "{name}: {} is another row's", file.display());
            std::fs::write(&file, content.bytes()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        }
    }
}

/// The namespace of a row, its plugins, and itself. A plugin called `row` gets the row's name, as it has no namespace.
fn objects(name: &str, row: &Bad) -> Vec<Value> {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": row.namespace_labels},
    });
    let mut manifest = row.manifest.clone();
    match row.is_plugin() {
        true if manifest["metadata"]["name"] == "row" => manifest["metadata"]["name"] = json!(name),
        true => {}
        false => manifest["metadata"]["namespace"] = json!(name),
    }
    [vec![namespace], row.plugins(), vec![manifest]].concat()
}

async fn apply(client: &Client, object: &Value) {
    let object = DynamicObject::deserialize(object).expect("a manifest is an object");
    let types = object.types.as_ref().expect("a manifest has a kind");
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types).expect("a manifest has a version"));
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let applied = api.patch(&object.name_any(), &PatchParams::apply("table"), &Patch::Apply(&object)).await;
    applied.unwrap_or_else(|e| panic!("{} {}: {e}", types.kind, object.name_any()));
}

/// Reason and message of `Ready`, by namespace, and by name for plugins.
async fn conditions(client: &Client) -> Option<BTreeMap<String, (String, String)>> {
    let secrets = Api::<AzureKeyVaultSecret>::all(client.clone()).list(&Default::default()).await.ok()?;
    let plugins = Api::<AzureKeyVaultPlugin>::all(client.clone()).list(&Default::default()).await.ok()?;
    let secrets =
        secrets.items.into_iter().map(|s| (s.namespace().unwrap_or_default(), s.status.and_then(|s| s.conditions)));
    // A default plugin's name stands for the one row that uses it.
    let row = |name: String| if name == "trim" { "plugin-resource-default-name".to_owned() } else { name };
    let plugins = plugins.items.into_iter().map(|p| (row(p.name_any()), p.status.and_then(|s| s.conditions)));
    let ready = |conditions: Option<Vec<Condition>>| conditions?.into_iter().find(|c| c.type_ == "Ready");
    Some(secrets.chain(plugins).filter_map(|(row, all)| ready(all).map(|c| (row, (c.reason, c.message)))).collect())
}

#[test]
fn namespaces_of_rows_are_names() {
    for (name, _) in rows::<Bad>("bad", 120) {
        assert!(
            name.len() <= 63 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{name}"
        );
    }
}

#[test]
fn every_kind_of_verdict_has_rows() {
    let rows = rows::<Bad>("bad", 120);
    for (found, least) in [(Found::Policy, 3), (Found::Plugin, 12), (Found::Value, 14)] {
        let found: Vec<&String> = rows.iter().filter(|(_, r)| r.found == Some(found)).map(|(name, _)| name).collect();
        assert!(found.len() >= least, "only {found:?}");
    }
}
