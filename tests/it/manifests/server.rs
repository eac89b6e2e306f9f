//! The API server.

use super::row::{Accepted, Bad, Speaker, rows};
use akv_api::AzureKeyVaultSecret;
use akv_tests::{Cluster, Component, program};
use kube::Client;
use kube::api::{Api, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::core::discovery::ApiResource;
use serde::Deserialize;
use serde_json::{Value, json};

/// What the API server says to creating it; nothing is stored.
pub async fn served(client: &Client, manifest: &Value) -> Result<(), String> {
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

#[tokio::test]
async fn the_command_line_puts_the_definitions_on_the_server_under_the_installers_role() {
    let cluster = Cluster::shared().await;
    let mut command = program::command("akv2k8s");
    command.args(["crd", "apply", "--kubeconfig"]).arg(cluster.kubeconfig_for(Component::CrdInstaller));
    let output = command.output().expect("the program starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let applied = |name| format!("customresourcedefinition {name}.spv.no applied\n");
    assert_eq!(printed, applied("azurekeyvaultsecrets") + &applied("azurekeyvaultplugins"));

    let mut command = program::command("akv2k8s");
    command.args(["crd", "apply", "--kubeconfig"]).arg(cluster.kubeconfig_for(Component::Controller));
    let output = command.output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("CustomResourceDefinition azurekeyvaultsecrets.spv.no: ") && said.contains("forbidden"),
        "{said}"
    );
}
