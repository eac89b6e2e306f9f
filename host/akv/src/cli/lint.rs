//! `akv2k8s lint`: everything that is wrong with manifests, before they are applied.

use super::check::check;
use super::custom::{PluginArgs, PluginSet};
use super::exit::{Exit, Stop, after_help};
use super::finding::{self, Severity, count};
use super::manifest::{self, Manifest, ManifestArgs, Resource};
use super::print::{self, Report, counted};
use std::path::PathBuf;

/// Say everything that is wrong with manifests, with file, line and path
///
/// Reads every AzureKeyVaultSecret in any version and every AzureKeyVaultPlugin of the files as the API server and the
/// controller would. Namespaces among the files give the labels by which plugins select them. Other kinds are left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # everything below a folder, as a pipeline would
  akv2k8s lint -f manifests/ -o json
  # with a plugin of one's own, and the installation's policy
  akv2k8s lint -f akvs.yaml --plugin shout=shout.wasm \\
    --vault-access-policy policy.yaml"
))]
pub struct LintArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    #[command(flatten)]
    plugins: PluginArgs,
    /// The vaultAccess policy of the installation
    #[arg(long, alias = "policy", env = "VAULT_ACCESS_POLICY", value_name = "FILE")]
    vault_access_policy: Option<PathBuf>,
    /// How to print
    #[arg(short, long, env = "AKV2K8S_OUTPUT", default_value = "text")]
    output: Report,
}

/// Runs the command.
pub fn run(args: &LintArgs) -> Result<Exit, Stop> {
    let policy = crate::policy_file::read(args.vault_access_policy.as_deref()).map_err(Stop::usage)?;
    let (manifests, mut findings) = manifest::read(&args.manifests)?;
    let (set, said) = PluginSet::load(&args.plugins, &manifests)?;
    findings.extend(said);
    for manifest in &manifests {
        if let Resource::Secret(resource) = &manifest.resource {
            let remarks = check(resource, &set, &policy).remarks;
            findings.extend(remarks.into_iter().map(|r| manifest.place.find(r)));
        }
    }
    // The order of the files as given, and of the lines in each.
    let mut order: Vec<String> = Vec::new();
    for finding in &findings {
        if !order.contains(&finding.file) {
            order.push(finding.file.clone());
        }
    }
    findings.sort_by_key(|f| (order.iter().position(|o| *o == f.file), f.line, f.severity));
    print::report(&findings, args.output, |findings| finding::text(findings))?;
    let (errors, warnings) = (count(&findings, Severity::Error), count(&findings, Severity::Warning));
    if args.output == Report::Text {
        let ours = |m: &&Manifest| matches!(m.resource, Resource::Secret(_) | Resource::Plugin(_));
        let resources = manifests.iter().filter(ours).count();
        let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
        eprintln!("{errors}, {warnings}; {} could be read", counted(resources, "resource"));
    }
    Ok(if errors > 0 { Exit::Wrong } else { Exit::Ok })
}
