//! `akv2k8s doctor`: what is wrong with an installation, why, and what to do.

mod access;
mod checks;
mod fact;
mod facts;
mod part;
mod pod;
mod reader;
mod resource;
mod serving;
mod setting;
mod text;
mod verdict;
mod wish;

use super::block_on;
use super::exit::{Exit, Stop, after_help};
use super::print::{self, Report};
use crate::cluster::client_of_person;
use facts::Facts;
use serde::Serialize;
use std::io::IsTerminal;
use std::path::PathBuf;
use verdict::{State, Verdict};

/// Check an installation in a cluster, and say what is wrong and what to do
///
/// Reads the cluster as you, changes nothing, and reads no data of any Secret. What you may not read is said to be
/// unknown, with the permission that is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # the installation in namespace akv2k8s, of the current context
  akv2k8s doctor
  # another one, for a pipeline
  akv2k8s doctor -n vault --release akv --context prod -o json"
))]
pub struct DoctorArgs {
    /// The namespace of the release
    #[arg(short, long, env = "AKV2K8S_NAMESPACE", default_value = "akv2k8s")]
    namespace: String,
    /// The release, where a namespace holds several; all of them without it
    #[arg(long, env = "AKV2K8S_RELEASE", value_name = "NAME")]
    release: Option<String>,
    /// A kubeconfig; else $HOME/.kube/config, or the cluster that this process runs in
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; the current one without it
    #[arg(long, env = "AKV2K8S_CONTEXT", value_name = "NAME")]
    context: Option<String>,
    /// How to print
    #[arg(short, long, env = "AKV2K8S_OUTPUT", default_value = "text")]
    output: Report,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Examination {
    namespace: String,
    release: Option<String>,
    checks: Vec<Verdict>,
}

/// Runs the command.
pub fn run(args: &DoctorArgs) -> Result<Exit, Stop> {
    let examination = block_on(examine(args))??;
    let failed = examination.checks.iter().any(|verdict| verdict.state == State::Failure);
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print::report(&examination, args.output, |found| text::text(&found.heading(), &found.checks, colours))?;
    Ok(if failed { Exit::Wrong } else { Exit::Ok })
}

async fn examine(args: &DoctorArgs) -> Result<Examination, Stop> {
    let client = client_of_person(args.kubeconfig.as_deref(), args.context.as_deref());
    let client = client.await.map_err(|error| Stop::usage(error.to_string()))?;
    let server = client.apiserver_version().await;
    let server = server.map_err(|error| Stop::wrong(format!("the API server could not be asked: {error}")))?;
    let facts = Facts::fetch(&client, args, server).await;
    let release = facts.known_parts().first().and_then(|part| part.release()).map(str::to_owned);
    Ok(Examination {
        namespace: args.namespace.clone(),
        release: args.release.clone().or(release),
        checks: checks::all(&facts),
    })
}

impl Examination {
    fn heading(&self) -> String {
        let release = self.release.as_deref().map(|release| format!("release {release} in ")).unwrap_or_default();
        format!("akv2k8s doctor {}: {release}namespace {}", env!("CARGO_PKG_VERSION"), self.namespace)
    }
}
