//! `akv2k8s render`: what a resource would produce. It walks the controller's path and prints instead of applying.

use super::check::{check, remark};
use super::custom::{PluginArgs, PluginSet};
use super::exit::{Exit, Stop, after_help};
use super::finding::{self, Remark, Severity};
use super::manifest::{self, ManifestArgs, Resource};
use super::print::{self, Form};
use super::values::Values;
use akv_api::AzureKeyVaultSecret;
use akv_core::{Alias, Recipe, VaultObject};
use akv_plugin::Plugins;
use akv_plugin::render::Needs;
use akv_vault::{AuthType, Settings, VaultClient};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Print the Secrets and ConfigMaps that resources would produce
///
/// Runs the controller's own code, custom plugins included, and applies nothing. Objects come from the vault, with the
/// identity that the environment describes, or with --values from a file and no network at all. Values are masked.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # from the vault, with the identity that the Azure CLI is logged in with
  akv2k8s render -f akvs.yaml --auth-type environment-azidentity
  # without any network, values in the clear
  akv2k8s render -f akvs.yaml --values seed.yaml --reveal"
))]
pub struct RenderArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    /// Objects from a file in the form of local-vault's seed, instead of a vault
    #[arg(long, env = "AKV2K8S_VALUES", value_name = "FILE")]
    values: Option<PathBuf>,
    #[command(flatten)]
    plugins: PluginArgs,
    /// The vaultAccess policy of the installation
    #[arg(long, alias = "policy", env = "VAULT_ACCESS_POLICY", value_name = "FILE")]
    vault_access_policy: Option<PathBuf>,
    /// How to get a token: azureCloudConfig, environment or environment-azidentity
    #[arg(long, env = "AUTH_TYPE", default_value = "environment-azidentity", value_name = "TYPE")]
    auth_type: AuthType,
    /// The node's cloud configuration, for --auth-type=azureCloudConfig
    #[arg(long, env = "CLOUD_CONFIG", default_value = "/etc/kubernetes/azure.json", value_name = "FILE")]
    cloudconfig: PathBuf,
    /// Print the values themselves
    #[arg(long, env = "AKV2K8S_REVEAL")]
    reveal: bool,
    /// How to print
    #[arg(short, long, env = "AKV2K8S_OUTPUT", default_value = "yaml")]
    output: Form,
}

/// Where objects come from.
enum Source {
    File(Values),
    Vault(VaultClient),
}

/// Runs the command.
pub fn run(args: &RenderArgs) -> Result<Exit, Stop> {
    let policy = crate::policy_file::read(args.vault_access_policy.as_deref()).map_err(Stop::usage)?;
    let source = source(args)?;
    let (manifests, mut findings) = manifest::read(&args.manifests)?;
    let (set, said) = PluginSet::load(&args.plugins, &manifests)?;
    findings.extend(said);
    let (mut out, mut worst) = (Vec::new(), Exit::Ok);
    for manifest in &manifests {
        let Resource::Secret(resource) = &manifest.resource else {
            continue;
        };
        let checked = check(resource, &set, &policy);
        let unfinished = checked.ready.is_none();
        findings.extend(checked.remarks.into_iter().map(|r| manifest.place.find(r)));
        if unfinished {
            // A plugin whose bytes are elsewhere is a warning for lint; here it keeps the resource from being rendered.
            worst = worst.max(Exit::Wrong);
        }
        let Some((recipe, plugins)) = checked.ready else {
            continue;
        };
        if recipe.outputs.is_empty() {
            findings.push(
                manifest.place.find(Remark::warning(
                    "spec.output",
                    "there is no target: the resource serves the env injector only",
                )),
            );
            continue;
        }
        match one(resource, &recipe, &plugins, &source, args.reveal) {
            Ok((made, faults)) => {
                out.extend(made);
                findings.extend(faults.into_iter().map(|r| manifest.place.find(r)));
            }
            Err(trouble) => {
                worst = worst.max(trouble.exit);
                findings.extend(trouble.remarks.into_iter().map(|r| manifest.place.find(r)));
            }
        }
    }
    // Diagnostics to stderr, manifests to stdout.
    eprint!("{}", finding::text(&findings));
    print::manifests(out, args.output)?;
    let faulty = findings.iter().any(|f| f.severity == Severity::Error);
    Ok(worst.max(if faulty { Exit::Wrong } else { Exit::Ok }))
}

fn source(args: &RenderArgs) -> Result<Source, Stop> {
    if let Some(file) = &args.values {
        return Values::read(file).map(Source::File);
    }
    let text = |(k, v): (std::ffi::OsString, std::ffi::OsString)| Some((k.into_string().ok()?, v.into_string().ok()?));
    let environment = std::env::vars_os().filter_map(text).collect();
    let settings =
        Settings { cloud_config: args.cloudconfig.clone(), ..Settings::new("render", args.auth_type, environment) };
    // The SDK looks for a runtime as soon as it is made.
    let client = super::block_on(async { VaultClient::new(settings) })?;
    client.map(Source::Vault).map_err(|e| Stop::vault(format!("{e}; or give objects by --values FILE")))
}

/// Objects that could not be read.
struct Trouble {
    exit: Exit,
    remarks: Vec<Remark>,
}

/// The targets of one resource, and what kept others from being made.
fn one(
    resource: &AzureKeyVaultSecret,
    recipe: &Recipe,
    plugins: &Plugins,
    source: &Source,
    reveal: bool,
) -> Result<(Vec<Value>, Vec<Remark>), Trouble> {
    let needs = akv_plugin::render::needs(recipe, plugins).map_err(|faults| {
        let remarks = faults.into_iter().map(|(path, fault)| remark(&path, fault)).collect();
        Trouble { exit: Exit::Wrong, remarks }
    })?;
    let objects = read(recipe, &needs, source)?;
    let objects = match akv_plugin::render::transform(recipe, plugins, objects) {
        Ok(objects) => objects,
        Err((path, fault)) => return Err(Trouble { exit: Exit::Wrong, remarks: vec![remark(path, fault)] }),
    };
    let (mut made, mut remarks) = (Vec::new(), Vec::new());
    for output in &recipe.outputs {
        match akv_plugin::render::render(recipe, output, plugins, &objects) {
            Ok(entries) => made.extend(print::manifest(resource, &output.target, &entries, reveal)),
            Err(fault) => remarks.push(remark(&output.path, fault)),
        }
    }
    Ok((made, remarks))
}

fn read(recipe: &Recipe, needs: &Needs, source: &Source) -> Result<Vec<VaultObject>, Trouble> {
    let none = BTreeSet::new();
    let parts = |alias: &Alias| needs.get(alias).unwrap_or(&none);
    let (mut objects, mut remarks) = (Vec::new(), Vec::new());
    match source {
        Source::File(values) => {
            for description in &recipe.objects {
                match values.object(&recipe.vault, description, parts(&description.alias)) {
                    Ok(object) => objects.push(object),
                    Err((reason, message)) => remarks.push(Remark::fault(reason, "spec.vault", message)),
                }
            }
        }
        Source::Vault(client) => {
            let reads = recipe.objects.iter().map(|d| client.read(&recipe.vault, d, parts(&d.alias)));
            let results = super::block_on(futures::future::join_all(reads)).map_err(|stop| Trouble {
                exit: stop.exit,
                remarks: vec![Remark::fault(akv_api::reason::VAULT_UNAVAILABLE, "spec.vault", stop.message)],
            })?;
            for result in results {
                match result {
                    Ok(object) => objects.push(object),
                    Err(e) => remarks.push(Remark::fault(e.reason(), "spec.vault", e.to_string())),
                }
            }
        }
    }
    if remarks.is_empty() { Ok(objects) } else { Err(Trouble { exit: Exit::Vault, remarks }) }
}
