//! From flags to a running controller, and its end.

use super::args::ControllerArgs;
use super::context::{Context, Memories, calls};
use super::index::{TargetIndex, changes};
use super::leader::Candidate;
use super::metrics::Metrics;
use super::plugins::{self, PluginStore};
use super::targets::TargetKind;
use super::{crd, digest_key, reconcile, settings};
use akv_api::AzureKeyVaultSecret;
use akv_api::plugin::AzureKeyVaultPlugin;
use akv_core::policy::Policy;
use akv_process::admin::{self, Readiness};
use akv_process::signal::{self, Stop};
use akv_process::telemetry;
use akv_vault::VaultClient;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Config as Concurrency, Controller, Error as Failure};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Client};
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long the server's custom resources may be missing before they are looked at again.
const CRD_RETRY: Duration = Duration::from_secs(2);

/// Why the controller could not start, or ended.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// There is no client of the API server.
    #[error("{0}")]
    Cluster(#[from] crate::cluster::ClusterError),
    /// Settings of the identity are no good.
    #[error("{0}")]
    Vault(#[source] akv_vault::SettingsError),
    /// The policy is no good.
    #[error("--vault-access-policy {0}: {1}")]
    Policy(PathBuf, String),
    /// The label selector is no good.
    #[error("OBJECT_LABELS {0:?} is not a list of equalities such as team=a,env=prod")]
    Labels(String),
    /// A namespace is needed.
    #[error("RUNTIME_NAMESPACE must name the namespace of this process: {0}")]
    Namespace(&'static str),
    /// The filter of the log is no good.
    #[error("--log-level: {0}")]
    Log(String),
    /// The default plugins could not be loaded.
    #[error("the default plugins could not be loaded: {0}")]
    Plugins(String),
    /// A port is taken.
    #[error("port {1} of {0} could not be opened: {2}")]
    Port(std::net::IpAddr, u16, #[source] std::io::Error),
    /// The digest key could not be read or made.
    #[error("the Secret {name} could not be read or made: {0}", name = digest_key::SECRET_NAME)]
    DigestKey(#[source] kube::Error),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] std::io::Error),
    /// Another controller took over.
    #[error("no longer the leader: {0}")]
    LeadershipLost(String),
}

/// Runs until a signal; an error ends the process with status 1.
pub async fn run(args: ControllerArgs) -> Result<(), ControllerError> {
    telemetry::start(args.log_filter(), args.logging_format).map_err(|e| ControllerError::Log(e.to_string()))?;
    let (mut registry, readiness) = (Registry::default(), Readiness::default());
    let controller = Prepared::new(args, &mut registry, readiness.clone())?;
    let args = &controller.args;
    let client = crate::cluster::client(args.kubeconfig.as_deref()).await?;
    let at = SocketAddr::new(args.http_address, args.http_port);
    let bound = admin::serve(at, readiness, args.metrics_enabled.then(|| Arc::new(registry)))
        .await
        .map_err(|e| ControllerError::Port(args.http_address, args.http_port, e))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), address = %bound, "akv2k8s controller");
    let stop = signal::listen().map_err(ControllerError::Signals)?;
    controller.run(client, stop).await
}

/// A controller whose flags are good.
pub struct Prepared {
    args: ControllerArgs,
    labels: Option<String>,
    policy: Policy,
    vault: VaultClient,
    metrics: Metrics,
    readiness: Readiness,
}

impl Prepared {
    /// Looks at the flags.
    pub fn new(args: ControllerArgs, registry: &mut Registry, readiness: Readiness) -> Result<Self, ControllerError> {
        if args.runtime_namespace.is_empty() {
            return Err(ControllerError::Namespace("the lease and the digest key live there"));
        }
        readiness.wait_for("custom resources", "not looked at yet");
        Ok(Self {
            labels: settings::labels(&args)?,
            policy: settings::policy(&args)?,
            vault: settings::vault(&args)?,
            metrics: Metrics::register(registry),
            readiness,
            args,
        })
    }

    /// Runs until the process is asked to stop, or another becomes the leader.
    pub async fn run(&self, client: Client, stop: Stop) -> Result<(), ControllerError> {
        let Self { args, labels, policy, vault, metrics, readiness } = self;
        let engine = akv_plugin::Engine::new().map_err(|e| ControllerError::Plugins(e.to_string()))?;
        let defaults = akv_defaults::load(&engine).map_err(|e| ControllerError::Plugins(e.to_string()))?;
        let candidate = Candidate::new(client.clone(), &args.runtime_namespace, &args.lease_name, identity());
        tokio::select! {
            () = stop.clone().requested() => return Ok(()),
            () = custom_resources(&client, readiness) => {}
        }
        tokio::select! {
            () = stop.clone().requested() => return Ok(()),
            () = candidate.acquire() => {}
        }
        tracing::info!("this process is the leader");
        metrics.leader.set(1);
        let digest_key =
            digest_key::load(&client, &args.runtime_namespace).await.map_err(ControllerError::DigestKey)?;
        let (changed, plugin_changes) = unbounded_channel();
        let plugins = PluginStore::new(engine, defaults, args.plugin_dir.clone(), changed);
        let controller = secrets(args, &client, labels.as_deref());
        let resources = controller.store();
        let context = Arc::new(Context {
            recorder: Recorder::new(
                client.clone(),
                Reporter { controller: "akv2k8s-controller".into(), instance: None },
            ),
            client: client.clone(),
            vault: vault.clone(),
            plugins: plugins.clone(),
            policy: policy.clone(),
            index: TargetIndex::default(),
            metrics: metrics.clone(),
            interval: Duration::from_secs(args.azure_resync_period),
            digest_key,
            resources: resources.clone(),
            calls: calls(),
            memory: Memories::default(),
        });
        let work = async {
            tokio::join!(
                run_secrets(
                    args,
                    controller,
                    context.clone(),
                    users(resources, plugin_changes),
                    stop.clone().requested()
                ),
                run_plugins(&client, plugins, stop.clone().requested()),
            );
        };
        tokio::select! {
            () = work => {}
            lost = candidate.hold() => {
                metrics.leader.set(0);
                return Err(ControllerError::LeadershipLost(lost));
            }
        }
        candidate.release().await;
        tracing::info!("the controller stopped");
        Ok(())
    }
}

/// A name that no other process has: the pod's name where there is one, and the process's start.
fn identity() -> String {
    let host =
        std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME")).unwrap_or_else(|_| "controller".to_owned());
    let now = k8s_openapi::jiff::Timestamp::now().as_nanosecond();
    format!("{host}_{}_{now:x}", std::process::id())
}

async fn custom_resources(client: &Client, readiness: &Readiness) {
    loop {
        let why = match crd::missing(client).await {
            Ok(None) => break,
            Ok(Some(why)) => why,
            Err(error) => format!("the API server did not answer: {error}"),
        };
        tracing::warn!(why, "not ready");
        readiness.wait_for("custom resources", why);
        tokio::time::sleep(CRD_RETRY).await;
    }
    readiness.done("custom resources");
}

fn api<K>(args: &ControllerArgs, client: &Client) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    if args.watch_all_namespaces {
        Api::all(client.clone())
    } else {
        Api::namespaced(client.clone(), &args.runtime_namespace)
    }
}

/// A controller that hears of deletions too: `Controller::new` leaves them to finalizers, which we do not use.
fn watched<K>(api: Api<K>, config: watcher::Config) -> Controller<K>
where
    K: kube::Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    let (reader, writer) = kube::runtime::reflector::store();
    let touched = reflector(writer, watcher::watcher(api, config)).touched_objects();
    Controller::for_stream(touched, reader)
}

fn secrets(args: &ControllerArgs, client: &Client, labels: Option<&str>) -> Controller<AzureKeyVaultSecret> {
    let mut config = watcher::Config::default();
    if let Some(labels) = labels {
        config = config.labels(labels);
    }
    watched(api(args, client), config).with_config(Concurrency::default().concurrency(args.concurrency))
}

/// The resources that use a plugin, whenever it changes.
fn users(
    resources: Store<AzureKeyVaultSecret>,
    changed: UnboundedReceiver<String>,
) -> impl futures::Stream<Item = ObjectRef<AzureKeyVaultSecret>> + Send {
    let names = futures::stream::unfold(changed, |mut rx| async { rx.recv().await.map(|name| (name, rx)) });
    names.flat_map(move |plugin| {
        let uses = |r: &Arc<AzureKeyVaultSecret>| {
            let output = r.spec.output.as_ref();
            let by_output = output.and_then(|o| o.plugin.as_ref()).is_some_and(|p| p.name == plugin);
            let steps = output.and_then(|o| o.pipeline.as_ref()).into_iter().flatten();
            let names = output.and_then(|o| o.transform.as_ref()).into_iter().flatten();
            by_output || steps.map(|s| &s.plugin).chain(names).any(|n| *n == plugin)
        };
        let found: Vec<_> =
            resources.state().iter().filter(|r| uses(r)).map(|r| ObjectRef::from_obj(r.as_ref())).collect();
        futures::stream::iter(found)
    })
}

async fn run_secrets(
    args: &ControllerArgs,
    controller: Controller<AzureKeyVaultSecret>,
    context: Arc<Context>,
    users: impl futures::Stream<Item = ObjectRef<AzureKeyVaultSecret>> + Send + 'static,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let client = &context.client;
    let secrets = changes(api::<PartialObjectMeta<Secret>>(args, client), TargetKind::Secret, context.index.clone());
    let maps = changes(api::<PartialObjectMeta<ConfigMap>>(args, client), TargetKind::ConfigMap, context.index.clone());
    controller
        .reconcile_on(secrets)
        .reconcile_on(maps)
        .reconcile_on(users)
        .graceful_shutdown_on(stop)
        .run(reconcile::reconcile, |_, error, _| match *error {}, context.clone())
        .for_each(|result| async {
            match result {
                Ok(_) => {}
                Err(Failure::ObjectNotFound(gone)) => {
                    reconcile::forget(gone.namespace.unwrap_or_default(), gone.name, context.clone()).await
                }
                Err(Failure::QueueError(error)) => {
                    tracing::warn!(%error, "the watch of resources was interrupted; it goes on by itself")
                }
                Err(Failure::ReconcilerFailed(never, _)) => match never {},
                Err(Failure::RunnerError(error)) => tracing::error!(%error, "the queue of resources ended"),
            }
        })
        .await;
}

async fn run_plugins(client: &Client, plugins: PluginStore, stop: impl Future<Output = ()> + Send + Sync + 'static) {
    let context = Arc::new((client.clone(), plugins.clone()));
    watched(Api::<AzureKeyVaultPlugin>::all(client.clone()), watcher::Config::default())
        .graceful_shutdown_on(stop)
        .run(plugins::reconcile, |_, error, _| match *error {}, context)
        .for_each(|result| async {
            if let Err(Failure::ObjectNotFound(gone)) = result {
                plugins.remove(&gone.name);
            }
        })
        .await;
}
