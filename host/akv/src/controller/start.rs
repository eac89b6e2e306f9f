//! From flags to a running controller, and its end.

use super::args::ControllerArgs;
use super::error::ControllerError;
use super::leader::Candidate;
use super::metrics::Metrics;
use super::term::{self, Lasting};
use super::{crd, settings};
use akv_core::policy::Policy;
use akv_process::admin::{self, Readiness};
use akv_process::signal::{self, Stop};
use akv_process::telemetry;
use akv_vault::VaultClient;
use kube::Client;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long the server's custom resources may be missing before they are looked at again.
const CRD_RETRY: Duration = Duration::from_secs(2);

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

    /// Runs until the process is asked to stop.
    pub async fn run(self, client: Client, stop: Stop) -> Result<(), ControllerError> {
        let Self { args, labels, policy, vault, metrics, readiness } = self;
        let engine = akv_plugin::Engine::new().map_err(|e| ControllerError::Plugins(e.to_string()))?;
        let defaults = akv_defaults::load(&engine).map_err(|e| ControllerError::Plugins(e.to_string()))?;
        let candidate = Candidate::new(client.clone(), &args.runtime_namespace, &args.lease_name, identity());
        tokio::select! {
            () = stop.clone().requested() => return Ok(()),
            () = custom_resources(&client, &readiness) => {}
        }
        let leadership = candidate.leadership();
        let lasting = Lasting { args, labels, client, vault, policy, engine, defaults, metrics, leadership };
        // A leader that lost its lease, as when the API server is away for long, is a candidate again. Of what it knew of
        // the resources it keeps nothing: another may have led since.
        loop {
            tokio::select! {
                () = stop.clone().requested() => return Ok(()),
                () = candidate.acquire() => {}
            }
            tracing::info!("this process is the leader");
            lasting.metrics.leader.set(1);
            tokio::select! {
                ended = term::serve(&lasting, stop.clone()) => {
                    ended?;
                    break;
                }
                why = candidate.hold() => tracing::warn!(why, "no longer the leader; the work stops until the lease is ours again"),
            }
            lasting.metrics.leader.set(0);
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
