//! `akv2k8s crd`: the CustomResourceDefinitions, printed or put on the server.

use super::block_on;
use super::exit::{CODES, Exit, Stop};
use super::print::{self, Form};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::{Condition, conditions};
use kube::{Api, Client, Config, ResourceExt};
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
#[command(after_help = CODES)]
pub struct PrintArgs {
    /// How to print
    #[arg(short, long, env = "AKV2K8S_OUTPUT", default_value = "yaml")]
    output: Form,
}

/// Put them on the server, new or over older ones, by server-side apply
#[derive(Debug, clap::Args)]
#[command(after_help = CODES)]
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
    let client = client(args).await?;
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

async fn client(args: &ApplyArgs) -> Result<Client, Stop> {
    let config = match &args.kubeconfig {
        Some(path) => {
            let stop = |e: kube::config::KubeconfigError| Stop::usage(format!("kubeconfig {}: {e}", path.display()));
            let file = Kubeconfig::read_from(path).map_err(stop)?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(stop)?
        }
        None => Config::infer()
            .await
            .map_err(|e| Stop::usage(format!("no cluster is known: {e}; name a kubeconfig by --kubeconfig")))?,
    };
    Client::try_from(config).map_err(|e| Stop::wrong(e.to_string()))
}
