//! From flags to a running webhook, and its end.

use super::args::WebhookArgs;
use super::authority::{Authority, Keeper, KeeperError, pair};
use super::legacy::{self, Legacy};
use super::metrics::Metrics;
use super::serving::{self, Shown};
use super::state::{Shared, State, now};
use super::{admission, audit, certificate, plugin, registration, resources, settings, validate, watch};
use crate::cluster::ClusterError;
use crate::controller::plugins::PluginStore;
use akv_authority::{Lifetimes, Peers};
use akv_core::auth::{Limit, Limits, Pace};
use akv_core::policy::Policy;
use akv_process::admin::{self, Readiness};
use akv_process::request::{Bounds, bounded};
use akv_process::signal::{self, Stop};
use akv_process::{telemetry, tls};
use akv_vault::{Settings, VaultClient};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use kube::Client;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::unbounded_channel;

/// A pod of 1 MiB, as an AdmissionReview with the object before and after.
const LARGEST_REVIEW: usize = 8 << 20;
/// A signing request and a token, or names and queries.
const LARGEST_REQUEST: usize = 256 << 10;
/// A body comes in one piece or a few.
const BODY: Duration = Duration::from_secs(10);
/// The API server waits 15 s for a review.
const REVIEW: Duration = Duration::from_secs(14);
/// Vaults are read meanwhile, in broker namespaces, and asked again when they fail.
const ANSWER: Duration = Duration::from_secs(60);
/// Bodies that a port holds at a time.
const MEMORY: usize = 64 << 20;
/// A pod has some containers, and a node behind one address some pods.
const OF_ONE_ADDRESS: usize = 256;
/// The API server closes idle connections after 90 s; whoever closes first must not be the one who is being asked.
const IDLE: Duration = Duration::from_secs(120);
/// A container asks two or three times in a row.
const HEAD: Duration = Duration::from_secs(10);
/// How often the certificates are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// A container asks a few times at its start; whoever asks more often is held to this.
const POD_LIMIT: Limit = Limit { burst: 10.0, rate: 1.0 };
/// For all pods of a namespace beyond their first answers.
const NAMESPACE_LIMIT: Limit = Limit { burst: 500.0, rate: 50.0 };

/// Why the webhook could not start, or ended.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// A flag is no good.
    #[error("{0}: {1}")]
    Flag(&'static str, String),
    /// There is no client of the API server.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// Settings of the identity are no good.
    #[error("{0}")]
    Vault(#[from] akv_vault::SettingsError),
    /// The filter of the log is no good.
    #[error("--log-level: {0}")]
    Log(String),
    /// The default plugins could not be loaded.
    #[error("the default plugins could not be loaded: {0}")]
    Plugins(String),
    /// A port is taken.
    #[error("port {1} of {0} could not be opened: {2}")]
    Port(IpAddr, u16, #[source] std::io::Error),
    /// There are no certificates.
    #[error("{0}")]
    Keeper(#[from] KeeperError),
    /// A certificate could not be made.
    #[error("{0}")]
    Authority(#[from] akv_authority::AuthorityError),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] std::io::Error),
}

/// Runs until a signal; an error ends the process with status 1.
pub async fn run(args: WebhookArgs) -> Result<(), WebhookError> {
    telemetry::start(&args.log_level, args.logging_format).map_err(|e| WebhookError::Log(e.to_string()))?;
    if args.pod_namespace.is_empty() {
        return Err(WebhookError::Flag("POD_NAMESPACE", "it must name the namespace of this process".to_owned()));
    }
    let (policy, label) = (policy(&args)?, settings::label(&args)?);
    let vault = args.use_auth_service.then(|| vault(&args)).transpose()?;
    let pod_authorities = match &args.pod_ca_file {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .map_err(|e| WebhookError::Flag("POD_CA_FILE", format!("{}: {e}", path.display())))?,
        ),
        None => None,
    };
    let client = crate::cluster::client(args.kubeconfig.as_deref()).await?;
    let stop = signal::listen().map_err(WebhookError::Signals)?;

    let mut registry = prometheus_client::registry::Registry::default();
    let metrics = Metrics::register(&mut registry);
    let readiness = Readiness::default();
    for what in ["resources", "plugins"] {
        readiness.wait_for(what, "not listed yet");
    }
    let http = bind(args.http_address, args.http_port).await?;
    let (tls_port, mtls_port) =
        (bind(args.http_address, args.tls_port).await?, bind(args.http_address, args.mtls_port).await?);
    let metrics_of = args.metrics_enabled.then(|| Arc::new(registry));
    let late = legacy::Late::default();
    let original = args.legacy_ca_dir.is_some() && args.use_auth_service;
    let others = if original { legacy::routes(late.clone()) } else { Router::new() };
    admin::serve_on(http, readiness.clone(), metrics_of, others);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"), admission = %port(&tls_port), auth = %port(&mtls_port), "akv2k8s webhook"
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
        Some(ca) => Some(Legacy::new(Peers::of(&[ca.certificate()?])?, authority.made().unwrap_or(i64::MIN))),
        None => None,
    };
    let engine = akv_plugin::Engine::new().map_err(|e| WebhookError::Plugins(e.to_string()))?;
    let defaults = akv_defaults::load(&engine).map_err(|e| WebhookError::Plugins(e.to_string()))?;
    // Nobody here renders anew when a plugin changes, so nobody listens.
    let plugins = PluginStore::new(engine, defaults, args.plugin_dir.clone(), unbounded_channel().0);
    let store = watch::resources(client.clone(), readiness.clone());
    watch::plugins(client.clone(), plugins.clone(), readiness.clone());
    let rate = f64::from(args.vault_reads_per_second);
    let state: Shared = Arc::new(State {
        client: client.clone(),
        injection: settings::injection(&args, root)?,
        uninjectable: args.uninjectable_pods,
        label,
        plugins,
        resources: store,
        policy,
        vault,
        broker: args.broker_namespaces.iter().map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect(),
        authority: authority.clone(),
        window: args.start_window,
        pod_authorities,
        legacy,
        metrics,
        calls: Semaphore::new(std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))),
        limits: Mutex::new(Limits::new(POD_LIMIT, NAMESPACE_LIMIT)),
        pace: Mutex::new(Pace::new(rate, rate)),
    });
    let _first = late.set(state.clone());
    serve(&args, &client, state, tls_port, mtls_port, stop).await?;
    tracing::info!("stopped");
    Ok(())
}

async fn serve(
    args: &WebhookArgs,
    client: &Client,
    state: Shared,
    tls_port: TcpListener,
    mtls_port: TcpListener,
    stop: Stop,
) -> Result<(), WebhookError> {
    let names = names(args);
    let own = state.authority.serving(&names, now())?;
    let of_pods = Shown::new(own.certified.clone());
    let of_admission = match &args.tls_cert_dir {
        Some(directory) => {
            Shown::new(serving::from_directory(directory).map_err(|why| WebhookError::Flag("TLS_CERT_DIR", why))?)
        }
        None => of_pods.clone(),
    };
    tokio::spawn(keep_certificates(
        state.authority.clone(),
        names,
        own.renew,
        of_pods.clone(),
        args.tls_cert_dir.clone().map(|directory| (directory, of_admission.clone())),
    ));
    if args.tls_cert_dir.is_none() {
        let pem = state.authority.bundle().root().certificate_pem().to_owned();
        if let Some(name) = args.mutating_configuration.clone() {
            type Kind = k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
            tokio::spawn(registration::keep::<Kind>(client.clone(), name, pem.clone()));
        }
        if let Some(name) = args.validating_configuration.clone() {
            type Kind = k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
            tokio::spawn(registration::keep::<Kind>(client.clone(), name, pem));
        }
    }
    let verifier = match &args.legacy_ca_dir {
        // The handshake lets both in; each path asks for the one that it means.
        Some(directory) => {
            let roots = [state.authority.bundle().root().certificate()?, pair(directory)?.certificate()?];
            Peers::of(&roots)?.verifier()
        }
        None => state.authority.peers().verifier(),
    };
    let of_reviews = tls::Limits {
        connections: 1024,
        of_one_address: OF_ONE_ADDRESS,
        rate: f64::from(args.connections_per_address),
        head: IDLE,
    };
    let admission = tls::serve(
        "admission",
        tls_port,
        serving::plain(of_admission),
        of_reviews,
        admission_routes(state.clone()),
        stop.clone(),
    );
    if !args.use_auth_service {
        admission.await;
        return Ok(());
    }
    let of_pods_alone = tls::Limits { connections: 4096, head: HEAD, ..of_reviews };
    let auth =
        tls::serve("auth", mtls_port, serving::mutual(of_pods, verifier), of_pods_alone, auth_routes(state), stop);
    tokio::join!(admission, auth);
    Ok(())
}

fn admission_routes(state: Shared) -> Router {
    Router::new()
        .route("/pods", post(admission::pods))
        .route("/validate", post(validate::resources))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(from_fn_with_state(Bounds::new(LARGEST_REVIEW, BODY, REVIEW, MEMORY), bounded))
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

fn auth_routes(state: Shared) -> Router {
    use akv_wire::message::{CERTIFICATE, PLUGINS, RESOURCES};
    Router::new()
        .route(CERTIFICATE, post(certificate::certificate))
        .route(RESOURCES, post(resources::resources))
        .route(&format!("{PLUGINS}{{digest}}"), get(plugin::plugin))
        .merge(if state.legacy.is_some() {
            Router::new().route(legacy::PATH, get(legacy::token))
        } else {
            Router::new()
        })
        .layer(from_fn_with_state(Bounds::new(LARGEST_REQUEST, BODY, ANSWER, MEMORY), bounded))
        .layer(from_fn_with_state(state.clone(), audit::strangers))
        .with_state(state)
}

/// The names under which the API server and pods reach this process.
fn names(args: &WebhookArgs) -> Vec<String> {
    let (name, namespace) = (&args.service_name, &args.pod_namespace);
    let mut names = vec![format!("{name}.{namespace}.svc"), format!("{name}.{namespace}.svc.cluster.local")];
    // For a registration by URL, outside a cluster.
    if args.http_address.is_loopback() {
        names.extend(["localhost".to_owned(), args.http_address.to_string()]);
    }
    names
}

async fn keep_certificates(
    authority: Arc<Authority>,
    names: Vec<String>,
    mut renew: time::OffsetDateTime,
    of_pods: Arc<Shown>,
    files: Option<(PathBuf, Arc<Shown>)>,
) {
    let mut signer = authority.bundle().newest().certificate_pem().to_owned();
    loop {
        tokio::time::sleep(LOOK.min(Duration::from_secs(1).max(until(renew)))).await;
        if let Err(error) = authority.refresh(now()).await {
            tracing::warn!(%error, "the certificates could not be looked at");
        }
        let newest = authority.bundle().newest().certificate_pem().to_owned();
        if newest != signer || now() >= renew {
            match authority.serving(&names, now()) {
                Ok(next) => {
                    of_pods.replace(next.certified);
                    (renew, signer) = (next.renew, newest);
                    tracing::info!("a new serving certificate is shown");
                }
                Err(error) => tracing::error!(%error, "the serving certificate could not be renewed"),
            }
        }
        if let Some((directory, shown)) = &files {
            match serving::from_directory(directory) {
                Ok(certified) => shown.replace(certified),
                // Whoever writes both files is between them, perhaps.
                Err(why) => tracing::warn!(why, "TLS_CERT_DIR: the certificate stays the one before"),
            }
        }
    }
}

fn until(at: time::OffsetDateTime) -> Duration {
    (at - now()).try_into().unwrap_or(Duration::ZERO)
}

fn policy(args: &WebhookArgs) -> Result<Policy, WebhookError> {
    let Some(path) = &args.vault_access_policy else {
        return Ok(Policy::default());
    };
    let refuse = |why: String| WebhookError::Flag("VAULT_ACCESS_POLICY", format!("{}: {why}", path.display()));
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
