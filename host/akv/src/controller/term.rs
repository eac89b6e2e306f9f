//! One term as the leader: the watches, what they lead to, and the end.

use super::args::ControllerArgs;
use super::context::{Context, Memories, calls};
use super::error::ControllerError;
use super::forget::forget;
use super::index::{TargetIndex, changes};
use super::leader::Leadership;
use super::leaving::Leaving;
use super::metrics::Metrics;
use super::plugins::{self, PluginStore};
use super::targets::TargetKind;
use super::unreadable::watched;
use super::{digest_key, reconcile};
use akv_api::AzureKeyVaultSecret;
use akv_api::plugin::AzureKeyVaultPlugin;
use akv_core::policy::Policy;
use akv_plugin::{Engine, Plugins};
use akv_process::signal::Stop;
use akv_vault::VaultClient;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Config as Concurrency, Controller, Error as Failure};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Client};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What outlives a term.
pub struct Lasting {
    /// The flags.
    pub args: ControllerArgs,
    /// Only resources with these labels.
    pub labels: Option<String>,
    /// The API server.
    pub client: Client,
    /// Key Vault.
    pub vault: VaultClient,
    /// Which namespace may use which vault.
    pub policy: Policy,
    /// Loads plugins.
    pub engine: Engine,
    /// The default plugins.
    pub defaults: Plugins,
    /// Counters.
    pub metrics: Metrics,
    /// Whether this process may write.
    pub leadership: Leadership,
}

/// Works until `stop`. Dropping it ends the work at once, as the loss of the lease does.
pub async fn serve(lasting: &Lasting, stop: Stop) -> Result<(), ControllerError> {
    let Lasting { args, labels, client, vault, policy, engine, defaults, metrics, leadership } = lasting;
    let digest_key = digest_key::load(client, &args.runtime_namespace).await.map_err(ControllerError::DigestKey)?;
    let (changed, plugin_changes) = unbounded_channel();
    let plugins = PluginStore::new(engine.clone(), defaults.clone(), args.plugin_dir.clone(), changed);
    let controller = secrets(args, client, labels.as_deref());
    let resources = controller.store();
    let context = Arc::new(Context {
        recorder: Recorder::new(client.clone(), Reporter { controller: "akv2k8s-controller".into(), instance: None }),
        client: client.clone(),
        leadership: leadership.clone(),
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
        leaving: Leaving::default(),
    });
    tokio::join!(
        run_secrets(args, controller, context, users(resources, plugin_changes), stop.clone()),
        run_plugins(client, plugins, leadership.clone(), stop.requested()),
    );
    Ok(())
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

fn secrets(args: &ControllerArgs, client: &Client, labels: Option<&str>) -> Controller<AzureKeyVaultSecret> {
    let mut config = watcher::Config::default();
    if let Some(labels) = labels {
        config = config.labels(labels);
    }
    watched(client, api(args, client), config).with_config(Concurrency::default().concurrency(args.concurrency))
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
    stop: Stop,
) {
    let client = &context.client;
    let secrets = changes(api::<PartialObjectMeta<Secret>>(args, client), TargetKind::Secret, context.index.clone());
    let maps = changes(api::<PartialObjectMeta<ConfigMap>>(args, client), TargetKind::ConfigMap, context.index.clone());
    controller
        .reconcile_on(secrets)
        .reconcile_on(maps)
        .reconcile_on(users)
        .graceful_shutdown_on(stop.clone().requested())
        .run(reconcile::reconcile, |_, error, _| match *error {}, context.clone())
        // A deletion that is tried again and again must not hold up the others, nor the end.
        .for_each_concurrent(None, |result| async {
            match result {
                Ok(_) => {}
                Err(Failure::ObjectNotFound(gone)) => tokio::select! {
                    () = forget(gone.namespace.unwrap_or_default(), gone.name, context.clone()) => {}
                    () = stop.clone().requested() => {}
                },
                Err(Failure::QueueError(error)) => {
                    tracing::warn!(%error, "the watch of resources was interrupted; it goes on by itself")
                }
                Err(Failure::ReconcilerFailed(never, _)) => match never {},
                Err(Failure::RunnerError(error)) => tracing::error!(%error, "the queue of resources ended"),
            }
        })
        .await;
}

async fn run_plugins(
    client: &Client,
    plugins: PluginStore,
    leadership: Leadership,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let context = Arc::new((client.clone(), plugins.clone(), leadership));
    watched::<AzureKeyVaultPlugin>(client, Api::all(client.clone()), watcher::Config::default())
        .graceful_shutdown_on(stop)
        .run(plugins::reconcile, |_, error, _| match *error {}, context)
        .for_each(|result| async {
            if let Err(Failure::ObjectNotFound(gone)) = result {
                plugins.remove(&gone.name);
            }
        })
        .await;
}
