//! From flags to a running webhook, and its end.

use super::args::WebhookArgs;
use super::authority::{Authority, Keeper, pair};
use super::error::WebhookError;
use super::legacy;
use super::metrics::Metrics;
use super::originals::Originals;
use super::registries::Registries;
use super::state::{Shared, State, now};
use super::{ports, settings, watch};
use crate::controller::plugins::PluginStore;
use akv_authority::{Lifetimes, Peers};
use akv_core::auth::{Limit, Limits, Pace};
use akv_core::policy::Policy;
use akv_process::admin::{self, Readiness};
use akv_process::signal::{self, Stop};
use akv_process::telemetry;
use akv_vault::{Settings, VaultClient};
use axum::Router;
use kube::Client;
use prometheus_client::registry::Registry;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::unbounded_channel;

/// A container asks a few times at its start; whoever asks more often is held to this.
const POD_LIMIT: Limit = Limit { burst: 10.0, rate: 1.0 };
/// For all pods of a namespace beyond their first answers.
const NAMESPACE_LIMIT: Limit = Limit { burst: 500.0, rate: 50.0 };

/// Runs until a signal; an error ends the process with status 1.
pub async fn run(args: WebhookArgs) -> Result<(), WebhookError> {
    telemetry::start(args.log_filter(), args.logging_format).map_err(|e| WebhookError::Log(e.to_string()))?;
    let (mut registry, readiness) = (Registry::default(), Readiness::default());
    let webhook = Prepared::new(args, &mut registry, readiness.clone()).await?;
    let client = crate::cluster::client(webhook.args.kubeconfig.as_deref()).await?;
    let stop = signal::listen().map_err(WebhookError::Signals)?;
    let metrics = webhook.args.metrics_enabled.then(|| Arc::new(registry));
    let http = bind(webhook.args.http_address, webhook.args.http_port).await?;
    admin::serve_on(http, readiness, metrics, webhook.plain_routes());
    webhook.run(client, stop).await
}

/// A webhook whose flags are good and whose ports are its own.
pub struct Prepared {
    args: WebhookArgs,
    policy: Policy,
    label: (String, String),
    vault: Option<VaultClient>,
    pod_authorities: Option<String>,
    metrics: Metrics,
    readiness: Readiness,
    late: legacy::Late,
    tls: TcpListener,
    mtls: TcpListener,
}

impl Prepared {
    /// Looks at the flags and opens the ports of admission and of pods.
    pub async fn new(args: WebhookArgs, registry: &mut Registry, readiness: Readiness) -> Result<Self, WebhookError> {
        if args.pod_namespace.is_empty() {
            return Err(WebhookError::Flag("--pod-namespace", "it must name the namespace of this process".to_owned()));
        }
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .map_err(|e| WebhookError::Flag("--pod-ca-file", format!("{}: {e}", path.display())))
        };
        for what in ["resources", "plugins", "certificates"] {
            readiness.wait_for(what, "not there yet");
        }
        Ok(Self {
            policy: policy(&args)?,
            label: settings::label(&args)?,
            vault: args.use_auth_service.then(|| vault(&args)).transpose()?,
            pod_authorities: args.pod_ca_file.as_ref().map(read).transpose()?,
            metrics: Metrics::register(registry),
            readiness,
            late: legacy::Late::default(),
            tls: bind(args.http_address, args.tls_port).await?,
            mtls: bind(args.http_address, args.mtls_port).await?,
            args,
        })
    }

    /// What the plain port serves besides the process's own paths.
    pub fn plain_routes(&self) -> Router {
        let original = self.args.legacy_ca_dir.is_some() && self.args.use_auth_service;
        if original { legacy::routes(self.late.clone()) } else { Router::new() }
    }

    /// Runs until the process is asked to stop.
    pub async fn run(self, client: Client, stop: Stop) -> Result<(), WebhookError> {
        let Self { args, policy, label, vault, pod_authorities, metrics, readiness, late, tls, mtls } = self;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"), admission = %port(&tls), auth = %port(&mtls), "akv2k8s webhook"
        );
        let lifetimes = Lifetimes {
            intermediate: time::Duration::seconds(args.intermediate_seconds),
            pod: time::Duration::seconds(args.pod_certificate_seconds),
            ..Lifetimes::default()
        };
        let serving_life = lifetimes.serving.min(lifetimes.intermediate / 4);
        let keeper = Keeper {
            client: client.clone(),
            namespace: args.pod_namespace.clone(),
            secret: args.authority_secret.clone(),
            root: args.ca_cert_dir.clone(),
            legacy: args.legacy_ca_dir.as_deref().map(pair).transpose()?,
            lifetimes: Lifetimes { serving: serving_life, ..lifetimes },
        };
        let authority = Arc::new(Authority::load(keeper, now()).await?);
        let root = authority.bundle().root().certificate()?.to_vec();
        let legacy = match args.legacy_ca_dir.as_deref().map(pair).transpose()? {
            // Without a time every pod would be too young.
            Some(ca) => Some(Originals::new(Peers::of(&[ca.certificate()?])?, authority.made().unwrap_or(i64::MIN))),
            None => None,
        };
        let engine = akv_plugin::Engine::new().map_err(|e| WebhookError::Plugins(e.to_string()))?;
        let defaults = akv_defaults::load(&engine).map_err(|e| WebhookError::Plugins(e.to_string()))?;
        // Nobody here renders anew when a plugin changes, so nobody listens.
        let plugins = PluginStore::new(engine, defaults, args.plugin_dir.clone(), unbounded_channel().0);
        let only = (!args.watch_all_namespaces).then_some(args.pod_namespace.as_str());
        let store = watch::resources(client.clone(), only, readiness.clone());
        watch::plugins(client.clone(), plugins.clone(), readiness.clone());
        let rate = f64::from(args.vault_reads_per_second);
        let state: Shared = Arc::new(State {
            client: client.clone(),
            injection: settings::injection(&args, root)?,
            uninjectable: args.uninjectable_pods,
            label,
            plugins,
            resources: store,
            registries: Registries::new(&args, vault.as_ref()).map_err(WebhookError::Registry)?,
            policy,
            vault,
            broker: args.broker_namespaces.iter().map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect(),
            authority: authority.clone(),
            window: args.start_window,
            pod_authorities,
            pod_proxy: settings::pod_proxy(&args)?,
            legacy,
            metrics,
            calls: Semaphore::new(std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))),
            limits: Mutex::new(Limits::new(POD_LIMIT, NAMESPACE_LIMIT)),
            pace: Mutex::new(Pace::new(rate, rate)),
        });
        let _first = late.set(state.clone());
        readiness.done("certificates");
        ports::serve(&args, &client, state, tls, mtls, stop).await?;
        tracing::info!("the webhook stopped");
        Ok(())
    }
}

fn policy(args: &WebhookArgs) -> Result<Policy, WebhookError> {
    let Some(path) = &args.vault_access_policy else {
        return Ok(Policy::default());
    };
    let refuse = |why: String| WebhookError::Flag("--vault-access-policy", format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?;
    crate::policy_file::parse(&text).map_err(refuse)
}

fn vault(args: &WebhookArgs) -> Result<VaultClient, akv_vault::SettingsError> {
    let text = |(k, v): (std::ffi::OsString, std::ffi::OsString)| Some((k.into_string().ok()?, v.into_string().ok()?));
    let environment = std::env::vars_os().filter_map(text).collect();
    VaultClient::new(Settings {
        cloud_config: args.cloudconfig.clone(),
        ..Settings::new("webhook", args.auth_type, environment)
    })
}

async fn bind(address: IpAddr, port: u16) -> Result<TcpListener, WebhookError> {
    TcpListener::bind(SocketAddr::new(address, port)).await.map_err(|e| WebhookError::Port(address, port, e))
}

fn port(listener: &TcpListener) -> String {
    listener.local_addr().map(|a| a.to_string()).unwrap_or_default()
}
