//! `akv2k8s lint`: everything that is wrong with manifests, before they are applied.

use super::check::check;
use super::custom::{PluginArgs, PluginSet};
use super::exit::{CODES, Exit, Stop};
use super::finding::{Severity, count, print_text};
use super::manifest::{self, Resource};
use super::printed;
use std::io::Write;
use std::path::PathBuf;

/// Say everything that is wrong with manifests, with file, line and path
///
/// Reads every AzureKeyVaultSecret in any version and every AzureKeyVaultPlugin of the files as the API server and the
/// controller would. Namespaces among the files give the labels by which plugins select them. Other kinds are left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = CODES)]
pub struct LintArgs {
    /// Files, directories, or - for stdin
    #[arg(short = 'f', long = "filename", required = true, num_args = 1.., value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    plugins: PluginArgs,
    /// The vaultAccess policy of the installation
    #[arg(long, alias = "policy", env = "VAULT_ACCESS_POLICY", value_name = "FILE")]
    vault_access_policy: Option<PathBuf>,
    /// How to print
    #[arg(short, long, env = "AKV2K8S_OUTPUT", default_value = "text")]
    output: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A line each, and a line with the count on stderr
    Text,
    /// A list of objects
    Json,
}

/// Runs the command.
pub fn run(args: &LintArgs) -> Result<Exit, Stop> {
    let policy = crate::policy_file::read(args.vault_access_policy.as_deref()).map_err(Stop::usage)?;
    let (manifests, mut findings) = manifest::read(&args.files)?;
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
    let mut out = std::io::stdout().lock();
    let (errors, warnings) = (count(&findings, Severity::Error), count(&findings, Severity::Warning));
    match args.output {
        Form::Text => {
            printed(print_text(&findings, &mut out))?;
            let resources =
                manifests.iter().filter(|m| matches!(m.resource, Resource::Secret(_) | Resource::Plugin(_))).count();
            eprintln!("{errors} errors, {warnings} warnings; {resources} resources could be read");
        }
        Form::Json => {
            let text = serde_json::to_string_pretty(&findings).map_err(|e| Stop::wrong(e.to_string()))?;
            printed(writeln!(out, "{text}"))?;
        }
    }
    Ok(if errors > 0 { Exit::Wrong } else { Exit::Ok })
}
