//! `akv2k8s legacy`: what a move from the original needs once.

use super::block_on;
use super::exit::{Exit, Stop, after_help};
use super::print;
use akv_authority::Pair;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use std::path::PathBuf;

/// Its keys, in either Secret.
const KEYS: [&str; 2] = ["tls.crt", "tls.key"];

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum LegacyCommand {
    /// Copy the original's authority into a Secret that stays when its chart goes
    KeepCa(KeepArgs),
}

/// Copy the original's authority into a Secret that stays when its chart goes, for pods that it admitted
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
    "  # before the original's chart is upgraded or removed
  akv2k8s legacy keep-ca --namespace akv2k8s"
))]
pub struct KeepArgs {
    /// The Secret that the original's chart made
    #[arg(long, env = "LEGACY_CA_FROM", default_value = "akv2k8s-envinjector-ca", value_name = "NAME")]
    from: String,
    /// The Secret that is to stay; one that is there is left as it is
    #[arg(long, env = "LEGACY_CA_SECRET", default_value = "akv2k8s-legacy-ca", value_name = "NAME")]
    to: String,
    /// The namespace of both
    #[arg(long, env = "POD_NAMESPACE", default_value = "akv2k8s", value_name = "NAMESPACE")]
    namespace: String,
    /// A kubeconfig, for running outside a cluster
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// Runs a command.
pub fn run(command: &LegacyCommand) -> Result<Exit, Stop> {
    let LegacyCommand::KeepCa(args) = command;
    block_on(keep(args))?
}

async fn keep(args: &KeepArgs) -> Result<Exit, Stop> {
    let KeepArgs { from, to, namespace, .. } = args;
    let wrong = |error: &dyn std::fmt::Display| Stop::wrong(format!("namespace {namespace}: {error}"));
    let client = crate::cluster::client(args.kubeconfig.as_deref()).await.map_err(|e| Stop::usage(e.to_string()))?;
    let secrets = Api::<Secret>::namespaced(client, namespace);
    if let Some(kept) = secrets.get_opt(to).await.map_err(|e| wrong(&e))? {
        check(&kept).map_err(|why| wrong(&format!("Secret {to}: {why}")))?;
        return print::line(&format!("Secret {to} is there already"));
    }
    let Some(original) = secrets.get_opt(from).await.map_err(|e| wrong(&e))? else {
        return Err(wrong(&format!(
            "there is neither Secret {to} nor Secret {from} of the original; make {to} of type kubernetes.io/tls \
             from the original's authority, or set legacyPods.enabled to false if no pod of it is left"
        )));
    };
    check(&original).map_err(|why| wrong(&format!("Secret {from}: {why}")))?;
    secrets.create(&PostParams::default(), &copy(to, &original)?).await.map_err(|e| wrong(&e))?;
    print::line(&format!("Secret {to} made of {from}; it stays when the release goes"))
}

/// Both keys, and that they belong together.
fn check(secret: &Secret) -> Result<(), String> {
    let value = |key: &str| {
        let data = secret.data.as_ref().and_then(|data| data.get(key));
        data.map(|value| value.0.as_slice()).ok_or_else(|| format!("it has no {key}"))
    };
    let [certificate, key] = KEYS.map(value);
    Pair::parse("tls", certificate?, key?).map(drop).map_err(|error| error.to_string())
}

/// No label of Helm's, so that no release owns it.
fn copy(name: &str, original: &Secret) -> Result<Secret, Stop> {
    let data: serde_json::Map<_, _> = original
        .data
        .iter()
        .flatten()
        .filter(|(key, _)| KEYS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    let secret = json!({"metadata": {"name": name}, "type": "kubernetes.io/tls", "data": data});
    serde_json::from_value(secret).map_err(|error| Stop::wrong(error.to_string()))
}
