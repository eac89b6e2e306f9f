//! The flags of `akv2k8s controller`: the original's by name, and new ones. Every flag can be given by environment too.

use crate::cli::exit::after_help;
use clap::Args;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// `info` is what this program says; the libraries below it repeat each failure in words of their own.
pub const QUIET: &str = "warn,akv=info,akv_vault=info,akv_process=info,typespec_client_core=error";

/// Watch AzureKeyVaultSecrets, read the vaults, and keep Secrets, ConfigMaps and files current.
#[derive(Debug, Clone, Args)]
#[command(args_override_self = true, after_help = after_help!(
"  # what the chart starts, with a workload identity
  akv2k8s controller --auth-type environment-azidentity \\
    --runtime-namespace akv2k8s
  # from a laptop, for one namespace, saying what it does
  akv2k8s controller --kubeconfig ~/.kube/config --auth-type environment \\
    --watch-all-namespaces false --runtime-namespace shop --log-level debug"
))]
pub struct ControllerArgs {
    /// How to get a token: azureCloudConfig, environment or environment-azidentity
    #[arg(long, env = "AUTH_TYPE", default_value = "azureCloudConfig", value_name = "TYPE")]
    pub auth_type: akv_vault::AuthType,
    /// The node's cloud configuration, for --auth-type=azureCloudConfig
    #[arg(long, env = "CLOUD_CONFIG", default_value = "/etc/kubernetes/azure.json", value_name = "FILE")]
    pub cloudconfig: PathBuf,
    /// Seconds between two looks at the vault; 0 turns polling off
    #[arg(long, env = "AZURE_RESYNC_PERIOD", default_value_t = 30, value_name = "SECONDS")]
    pub azure_resync_period: u64,
    /// Accepted for the original's charts; targets are watched, so nothing is listed again and again
    #[arg(long, env = "KUBE_RESYNC_PERIOD", default_value_t = 30, value_name = "SECONDS", hide = true)]
    pub kube_resync_period: u64,
    /// Whether to watch every namespace; else only RUNTIME_NAMESPACE
    #[arg(long, env = "WATCH_ALL_NAMESPACES", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub watch_all_namespaces: bool,
    /// The namespace of this process: home of the lease and of the digest key
    #[arg(long, env = "RUNTIME_NAMESPACE", default_value = "", value_name = "NAMESPACE")]
    pub runtime_namespace: String,
    /// Only resources with these labels, as k=v[,k2=v2]
    #[arg(long, env = "OBJECT_LABELS", default_value = "", value_name = "LABELS")]
    pub object_labels: String,
    /// A kubeconfig, for running outside a cluster
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Which namespaces may use which vaults and objects; everything is allowed without it
    #[arg(long, env = "VAULT_ACCESS_POLICY", value_name = "FILE")]
    pub vault_access_policy: Option<PathBuf>,
    /// The directory below which AzureKeyVaultPlugins with a `file` source lie
    #[arg(long, env = "PLUGIN_DIR", value_name = "DIR")]
    pub plugin_dir: Option<PathBuf>,
    /// Address of /livez, /readyz and /metrics
    #[arg(long, env = "HTTP_ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED), value_name = "IP")]
    pub http_address: IpAddr,
    /// Port of /livez, /readyz and /metrics; 0 takes a free one and logs it
    #[arg(long, env = "HTTP_PORT", default_value_t = 9000, value_name = "PORT")]
    pub http_port: u16,
    /// Serve /metrics
    #[arg(long, env = "METRICS_ENABLED", default_value_t = false, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub metrics_enabled: bool,
    /// How many resources are looked at at the same time
    #[arg(long, env = "CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64), value_name = "N")]
    pub concurrency: u16,
    /// Name of the Lease in RUNTIME_NAMESPACE by which one of several controllers is chosen
    #[arg(long, env = "LEASE_NAME", default_value = "akv2k8s-controller", value_name = "NAME")]
    pub lease_name: String,
    /// What to log: a level, or directives such as akv=debug,kube=info
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "FILTER")]
    pub log_level: String,
    /// The original's verbosity: 2 is info, 4 debug, 6 trace; wins over --log-level
    #[arg(short = 'v', env = "LOG_VERBOSITY", value_name = "N", hide = true)]
    pub verbosity: Option<u8>,
    /// text or json
    #[arg(long, env = "LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub logging_format: akv_process::telemetry::LogFormat,
}

impl ControllerArgs {
    /// The filter of the log, from the new flag or the original's.
    pub fn log_filter(&self) -> &str {
        match self.verbosity {
            None if self.log_level == "info" => QUIET,
            None => &self.log_level,
            Some(0..=3) => QUIET,
            Some(4..=5) => "debug",
            Some(_) => "trace",
        }
    }
}
