//! The flags of `akv2k8s webhook`: the original's variables by name, and new ones.

use crate::cli::exit::after_help;
use clap::{Args, ValueEnum};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// Put azure-keyvault-env into pods, and give it what it needs there.
#[derive(Debug, Clone, Args)]
#[command(args_override_self = true, after_help = after_help!(
"  # what the chart starts, with a workload identity
  akv2k8s webhook --auth-type environment-azidentity \\
    --pod-namespace akv2k8s --mutating-configuration akv2k8s-envinjector"
))]
pub struct WebhookArgs {
    /// How to get a token: azureCloudConfig, environment or environment-azidentity
    #[arg(long, env = "AUTH_TYPE", default_value = "azureCloudConfig", value_name = "TYPE")]
    pub auth_type: akv_vault::AuthType,
    /// The node's cloud configuration, for --auth-type=azureCloudConfig
    #[arg(long, env = "CLOUD_CONFIG", default_value = "/etc/kubernetes/azure.json", value_name = "FILE")]
    pub cloudconfig: PathBuf,
    /// Address of every port
    #[arg(long, env = "HTTP_ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED), value_name = "IP")]
    pub http_address: IpAddr,
    /// Port of /livez, /readyz, /healthz and /metrics; 0 takes a free one and logs it
    #[arg(long, env = "HTTP_PORT", default_value_t = 8080, value_name = "PORT")]
    pub http_port: u16,
    /// Port of admission
    #[arg(long, env = "TLS_PORT", default_value_t = 8443, value_name = "PORT")]
    pub tls_port: u16,
    /// Port of the auth service
    #[arg(long, env = "MTLS_PORT", default_value_t = 9443, value_name = "PORT")]
    pub mtls_port: u16,
    /// Port of the auth service at its Service, as pods see it
    #[arg(long, env = "MTLS_PORT_EXTERNAL", default_value_t = 9443, value_name = "PORT")]
    pub mtls_port_external: u16,
    /// Give pods credentials; without it they use their own identity and service account
    #[arg(long, env = "USE_AUTH_SERVICE", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub use_auth_service: bool,
    /// Name of the Service that leads here
    #[arg(long, env = "WEBHOOK_AUTH_SERVICE", default_value = "akv2k8s-envinjector", value_name = "NAME")]
    pub service_name: String,
    /// The namespace of this process
    #[arg(long, env = "POD_NAMESPACE", default_value = "", value_name = "NAMESPACE")]
    pub pod_namespace: String,
    /// Whether to serve every namespace; else only POD_NAMESPACE
    #[arg(long, env = "WATCH_ALL_NAMESPACES", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub watch_all_namespaces: bool,
    /// Serve /metrics
    #[arg(long, env = "METRICS_ENABLED", default_value_t = false, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub metrics_enabled: bool,
    /// The image that holds azure-keyvault-env
    #[arg(
        long,
        env = "AZUREKEYVAULT_ENV_IMAGE",
        default_value = "spvest/azure-keyvault-env:latest",
        value_name = "IMAGE"
    )]
    pub env_image: String,
    /// Pull policy of that image
    #[arg(long, env = "WEBHOOK_CONTAINER_IMAGE_PULL_POLICY", default_value = "IfNotPresent", value_name = "POLICY")]
    pub pull_policy: String,
    /// Where the executable is mounted in containers
    #[arg(long, env = "ENV_INJECTOR_EXEC_DIR", default_value = "/azure-keyvault/", value_name = "DIR")]
    pub exec_dir: String,
    /// Requested CPU of the init container
    #[arg(long, env = "WEBHOOK_INIT_CONTAINER_REQUESTS_CPU", default_value = "5m", value_name = "QUANTITY")]
    pub requests_cpu: String,
    /// Requested memory of the init container
    #[arg(long, env = "WEBHOOK_INIT_CONTAINER_REQUESTS_MEMORY", default_value = "32Mi", value_name = "QUANTITY")]
    pub requests_memory: String,
    /// Memory limit of the init container
    #[arg(long, env = "WEBHOOK_INIT_CONTAINER_LIMITS_MEMORY", default_value = "32Mi", value_name = "QUANTITY")]
    pub limits_memory: String,
    /// Give the init container a read-only root file system
    #[arg(long, env = "WEBHOOK_CONTAINER_SECURITY_CONTEXT_READ_ONLY", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub read_only: bool,
    /// Refuse to start the init container as root
    #[arg(long, env = "WEBHOOK_CONTAINER_SECURITY_CONTEXT_NON_ROOT", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub non_root: bool,
    /// Run the init container privileged; nothing needs it
    #[arg(long, env = "WEBHOOK_CONTAINER_SECURITY_CONTEXT_PRIVILEGED", default_value_t = false, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub privileged: bool,
    /// Let processes of the init container gain privileges
    #[arg(long, env = "WEBHOOK_CONTAINER_SECURITY_CONTEXT_ALLOW_PRIVILEGE_ESCALATION", default_value_t = false, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub allow_privilege_escalation: bool,
    /// The user of the init container; the image's own without it
    #[arg(long, env = "WEBHOOK_CONTAINER_SECURITY_CONTEXT_USER_UID", value_name = "UID")]
    pub user_uid: Option<i64>,
    /// The group of the init container
    #[arg(long, env = "WEBHOOK_CONTAINER_SECURITY_CONTEXT_GROUP_GID", value_name = "GID")]
    pub group_gid: Option<i64>,
    /// Give the init container the runtime's seccomp profile
    #[arg(long, env = "WEBHOOK_CONTAINER_SECURITY_CONTEXT_SECCOMP_RUNTIME_DEFAULT", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub seccomp: bool,
    /// Seconds for the look-up of an image's command
    #[arg(long, env = "DOCKER_IMAGE_INSPECTION_TIMEOUT", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=25), value_name = "SECONDS")]
    pub image_inspection_timeout: u64,
    /// Registries that may be asked for an image's command, by comma, such as ghcr.io or *.azurecr.io
    #[arg(long, env = "REGISTRIES", value_delimiter = ',', default_value = "*", value_name = "HOSTS")]
    pub registries: Vec<String>,
    /// Networks (CIDR) of registries inside, which would be refused otherwise
    #[arg(long, env = "REGISTRY_ALLOWED_NETWORKS", value_delimiter = ',', value_name = "NETWORKS")]
    pub registry_allowed_networks: Vec<String>,
    /// Networks (CIDR) of Services and pods, where no registry is
    #[arg(long, env = "REGISTRY_REFUSED_NETWORKS", value_delimiter = ',', value_name = "NETWORKS")]
    pub registry_refused_networks: Vec<String>,
    /// Registries that speak plain HTTP
    #[arg(long, env = "REGISTRY_INSECURE", value_delimiter = ',', value_name = "HOSTS")]
    pub registry_insecure: Vec<String>,
    /// Where to ask first, as docker.io=mirror.example/path
    #[arg(long, env = "REGISTRY_MIRRORS", value_delimiter = ',', value_name = "HOST=MIRROR")]
    pub registry_mirrors: Vec<String>,
    /// PEM file of authorities that registries may have besides the public ones
    #[arg(long, env = "REGISTRY_CA_FILE", value_name = "FILE")]
    pub registry_ca_file: Option<PathBuf>,
    /// What becomes of a pod that cannot be injected
    #[arg(long, env = "UNINJECTABLE_PODS", default_value = "refuse", value_name = "WORD")]
    pub uninjectable_pods: Uninjectable,
    /// The label of namespaces in which pods are injected
    #[arg(
        long,
        env = "NAMESPACE_LABEL",
        default_value = "azure-key-vault-env-injection=enabled",
        value_name = "NAME=VALUE"
    )]
    pub namespace_label: String,
    /// Namespaces whose pods get values and never credentials, by comma
    #[arg(long, env = "BROKER_NAMESPACES", value_delimiter = ',', value_name = "NAMESPACES")]
    pub broker_namespaces: Vec<String>,
    /// Which namespaces may use which vaults and objects; everything is allowed without it
    #[arg(long, env = "VAULT_ACCESS_POLICY", value_name = "FILE")]
    pub vault_access_policy: Option<PathBuf>,
    /// The directory below which AzureKeyVaultPlugins with a `file` source lie
    #[arg(long, env = "PLUGIN_DIR", value_name = "DIR")]
    pub plugin_dir: Option<PathBuf>,
    /// Seconds for which a running container may still ask for credentials
    #[arg(long, env = "START_WINDOW", default_value_t = 120, value_parser = clap::value_parser!(i64).range(10..=3600), value_name = "SECONDS")]
    pub start_window: i64,
    /// Reads a second of one vault that pods are paced to; a vault's own limit is 4,000 in ten seconds
    #[arg(long, env = "VAULT_READS_PER_SECOND", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    pub vault_reads_per_second: u32,
    /// Connections a second that one address may open to the auth service
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    pub connections_per_address: u32,
    /// Secret in POD_NAMESPACE that holds the root and its intermediates
    #[arg(long, env = "AUTHORITY_SECRET", default_value = "akv2k8s-envinjector-authority", value_name = "NAME")]
    pub authority_secret: String,
    /// Seconds of an intermediate's life; it is replaced after half of them
    #[arg(long, env = "INTERMEDIATE_SECONDS", default_value_t = 60 * 86_400, value_parser = clap::value_parser!(i64).range(2..), value_name = "SECONDS", hide = true)]
    pub intermediate_seconds: i64,
    /// Seconds of the life of a container's certificate
    #[arg(long, env = "POD_CERTIFICATE_SECONDS", default_value_t = 300, value_parser = clap::value_parser!(i64).range(1..=3600), value_name = "SECONDS", hide = true)]
    pub pod_certificate_seconds: i64,
    /// Directory with tls.crt and tls.key of the admission port, read again when they change; own certificates without it
    #[arg(long, env = "TLS_CERT_DIR", value_name = "DIR")]
    pub tls_cert_dir: Option<PathBuf>,
    /// Directory with tls.crt and tls.key of a root for pods, kept by somebody else; an own root without it
    #[arg(long, env = "CA_CERT_DIR", value_name = "DIR")]
    pub ca_cert_dir: Option<PathBuf>,
    /// Directory with tls.crt and tls.key of the original's authority: pods that it admitted are served on its paths
    #[arg(long, env = "LEGACY_CA_DIR", value_name = "DIR")]
    pub legacy_ca_dir: Option<PathBuf>,
    /// MutatingWebhookConfiguration whose CA bundle is kept current
    #[arg(long, env = "MUTATING_WEBHOOK_CONFIGURATION", value_name = "NAME")]
    pub mutating_configuration: Option<String>,
    /// ValidatingWebhookConfiguration whose CA bundle is kept current
    #[arg(long, env = "VALIDATING_WEBHOOK_CONFIGURATION", value_name = "NAME")]
    pub validating_configuration: Option<String>,
    /// PEM file of authorities that pods trust besides the public ones
    #[arg(long, env = "POD_CA_FILE", value_name = "FILE")]
    pub pod_ca_file: Option<PathBuf>,
    /// What the executable in pods logs to stderr: debug says where the time of a start went
    #[arg(long, env = "POD_LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub pod_log_level: PodLogLevel,
    /// URL of the proxy through which pods reach the vault
    #[arg(long, env = "POD_HTTPS_PROXY", value_name = "URL", hide_env_values = true)]
    pub pod_https_proxy: Option<String>,
    /// Hosts and networks that pods reach without that proxy, by comma
    #[arg(long, env = "POD_NO_PROXY", value_name = "HOSTS", requires = "pod_https_proxy")]
    pub pod_no_proxy: Option<String>,
    /// A kubeconfig, for running outside a cluster
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// What to log: a level, or directives such as akv=debug,kube=info
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "FILTER")]
    pub log_level: String,
    /// text or json
    #[arg(long, env = "LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub logging_format: akv_process::telemetry::LogFormat,
}

/// What becomes of a pod that cannot be injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Uninjectable {
    /// It is refused with a sentence.
    Refuse,
    /// It is admitted as it is, with a warning.
    Admit,
}

/// What the executable in pods logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PodLogLevel {
    /// Nothing but failures.
    Info,
    /// One line of JSON with times and sizes as well.
    Debug,
}

impl WebhookArgs {
    /// The filter of the log; by default the libraries below this program are quiet.
    pub fn log_filter(&self) -> &str {
        if self.log_level == "info" { crate::controller::args::QUIET } else { &self.log_level }
    }
}
