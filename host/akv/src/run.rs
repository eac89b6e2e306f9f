//! `akv2k8s run`: controller and webhook in one process, for small clusters and the demo.

use crate::cli::exit::after_help;
use crate::cluster::ClusterError;
use crate::controller::{self, ControllerArgs, ControllerError};
use crate::webhook::{self, WebhookArgs, WebhookError};
use akv_process::admin::{self, Readiness};
use akv_process::{signal, telemetry};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use prometheus_client::registry::Registry;
use std::collections::BTreeSet;
use std::sync::Arc;
use thiserror::Error;
use tokio::net::TcpListener;

const EXAMPLES: &str = after_help!(
    "  # what the chart starts with allInOne=true
  akv2k8s run --auth-type environment-azidentity --pod-namespace akv2k8s \\
    --mutating-configuration akv2k8s-envinjector"
);

/// The flags of both; a flag that both have is given once, and has the webhook's default.
#[derive(Debug, Clone)]
pub struct RunArgs {
    controller: ControllerArgs,
    webhook: WebhookArgs,
}

/// Why it could not start, or ended.
#[derive(Debug, Error)]
pub enum RunError {
    /// The controller.
    #[error("{0}")]
    Controller(#[from] ControllerError),
    /// The webhook.
    #[error("{0}")]
    Webhook(#[from] WebhookError),
    /// There is no client of the API server.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// The filter of the log is no good.
    #[error("--log-level: {0}")]
    Log(String),
    /// The port of both is taken.
    #[error("port {0} could not be opened: {1}")]
    Port(u16, #[source] std::io::Error),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] std::io::Error),
}

impl Args for RunArgs {
    fn augment_args(command: Command) -> Command {
        both(command, WebhookArgs::augment_args, ControllerArgs::augment_args)
    }

    fn augment_args_for_update(command: Command) -> Command {
        both(command, WebhookArgs::augment_args_for_update, ControllerArgs::augment_args_for_update)
    }
}

fn both(command: Command, of_webhook: fn(Command) -> Command, of_controller: fn(Command) -> Command) -> Command {
    let command = of_webhook(command).about("Controller and webhook in one process").after_help(EXAMPLES);
    let known: BTreeSet<String> = command.get_arguments().map(|a| a.get_id().to_string()).collect();
    let other = of_controller(Command::new("controller"));
    let more = other.get_arguments().filter(|a| !known.contains(a.get_id().as_str())).cloned();
    more.fold(command, Command::arg)
}

impl FromArgMatches for RunArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut controller = ControllerArgs::from_arg_matches(matches)?;
        let mut webhook = WebhookArgs::from_arg_matches(matches)?;
        // Both name the namespace of the process, each with the original's variable.
        if controller.runtime_namespace.is_empty() {
            controller.runtime_namespace.clone_from(&webhook.pod_namespace);
        }
        if webhook.pod_namespace.is_empty() {
            webhook.pod_namespace.clone_from(&controller.runtime_namespace);
        }
        Ok(Self { controller, webhook })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Runs until a signal; an error ends the process with status 1.
pub async fn run(args: RunArgs) -> Result<(), RunError> {
    let RunArgs { controller, webhook } = args;
    telemetry::start(controller.log_filter(), controller.logging_format).map_err(|e| RunError::Log(e.to_string()))?;
    let (mut registry, readiness) = (Registry::default(), Readiness::default());
    let (address, port) = (webhook.http_address, webhook.http_port);
    let metrics_enabled = webhook.metrics_enabled;
    let client = crate::cluster::client(webhook.kubeconfig.as_deref()).await?;
    let controller = controller::Prepared::new(controller, &mut registry, readiness.clone())?;
    let webhook = webhook::Prepared::new(webhook, &mut registry, readiness.clone()).await?;
    let listener = TcpListener::bind((address, port)).await.map_err(|e| RunError::Port(port, e))?;
    admin::serve_on(listener, readiness, metrics_enabled.then(|| Arc::new(registry)), webhook.plain_routes());
    let stop = signal::listen().map_err(RunError::Signals)?;
    let leading = async { controller.run(client.clone(), stop.clone()).await.map_err(RunError::from) };
    let admitting = async { webhook.run(client.clone(), stop.clone()).await.map_err(RunError::from) };
    tokio::try_join!(leading, admitting).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        args: RunArgs,
    }

    #[test]
    fn a_flag_that_both_have_is_given_once_and_reaches_both() {
        use clap::CommandFactory;
        Program::command().debug_assert();
        let flags = ["x", "--pod-namespace=home", "--auth-type=environment", "--log-level=debug", "--concurrency=3"];
        let Program { args: RunArgs { controller, webhook } } = Program::parse_from(flags);
        assert_eq!((controller.runtime_namespace.as_str(), webhook.pod_namespace.as_str()), ("home", "home"));
        assert_eq!(format!("{:?}", controller.auth_type), format!("{:?}", webhook.auth_type));
        assert_eq!((controller.log_level.as_str(), controller.concurrency), ("debug", 3));
        assert_eq!(webhook.http_port, 8080);
    }
}
