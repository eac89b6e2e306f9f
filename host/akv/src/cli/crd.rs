//! `akv2k8s crd`: the CustomResourceDefinitions, printed or put on the server.

use super::block_on;
use super::exit::{Exit, Stop, after_help};
use super::print::{self, Form};
use crate::cluster::client_of_person;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::runtime::wait::{Condition, conditions};
use kube::{Api, ResourceExt};
use std::path::PathBuf;
use std::time::Duration;

/// The field manager of the definitions.
const FIELD_MANAGER: &str = "akv2k8s-crd";
/// How long a server may take to serve a definition.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks whether it does.
const LOOK: Duration = Duration::from_millis(200);

/// What to do with them.
#[derive(Debug, clap::Subcommand)]
pub enum CrdCommand {
    /// Print them
    Print(PrintArgs),
    /// Put them on the server, new or over older ones, by server-side apply
    Apply(ApplyArgs),
}

/// Print them
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # what this version would put on the server
  akv2k8s crd print | kubectl diff -f -"
))]
pub struct PrintArgs {
    /// How to print
    #[arg(short, long, env = "AKV2K8S_OUTPUT", default_value = "yaml")]
    output: Form,
}

/// Put them on the server, new or over older ones, by server-side apply
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # before an upgrade of a release that does not keep them itself
  akv2k8s crd apply --kubeconfig ~/.kube/config"
))]
pub struct ApplyArgs {
    /// A kubeconfig; else $HOME/.kube/config, or the cluster that this process runs in
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// Runs a command.
pub fn run(command: &CrdCommand) -> Result<Exit, Stop> {
    match command {
        CrdCommand::Print(args) => {
            let definitions: Result<Vec<_>, _> = akv_api::crd::all().iter().map(serde_json::to_value).collect();
            print::manifests(definitions.map_err(|e| Stop::wrong(e.to_string()))?, args.output)?;
            Ok(Exit::Ok)
        }
        CrdCommand::Apply(args) => block_on(apply(args))?,
    }
}

async fn apply(args: &ApplyArgs) -> Result<Exit, Stop> {
    let client = client_of_person(args.kubeconfig.as_deref(), None).await.map_err(|e| Stop::usage(e.to_string()))?;
    let api = Api::<CustomResourceDefinition>::all(client);
    for definition in akv_api::crd::all() {
        let name = definition.name_any();
        let stop = |e: String| Stop::wrong(format!("CustomResourceDefinition {name}: {e}"));
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        api.patch(&name, &parameters, &Patch::Apply(&definition)).await.map_err(|e| stop(e.to_string()))?;
        match tokio::time::timeout(ESTABLISHED_WITHIN, established(&api, &name)).await {
            Ok(Ok(())) => print::line(&format!("customresourcedefinition {name} applied"))?,
            Ok(Err(e)) => return Err(stop(e.to_string())),
            Err(_) => {
                return Err(stop(
                    "the server does not serve it; look at its conditions by `kubectl describe crd`".to_owned(),
                ));
            }
        };
    }
    Ok(Exit::Ok)
}

/// Waits until a definition is served. By looks, as a watch would need the right to list every definition of the cluster.
async fn established(api: &Api<CustomResourceDefinition>, name: &str) -> kube::Result<()> {
    while !conditions::is_crd_established().matches_object(Some(&api.get(name).await?)) {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
