//! The ports of the webhook: what each takes, what it shows, and which paths it has.

use super::args::WebhookArgs;
use super::authority::{Authority, pair};
use super::error::WebhookError;
use super::serving::{self, Shown};
use super::state::{Shared, now};
use super::{admission, audit, certificate, legacy, plugin, registration, resources, validate};
use akv_authority::Peers;
use akv_process::request::{Bounds, bounded};
use akv_process::signal::Stop;
use akv_process::tls;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use kube::Client;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

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

/// Serves both ports until the process is asked to stop.
pub async fn serve(
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
            Shown::new(serving::from_directory(directory).map_err(|why| WebhookError::Flag("--tls-cert-dir", why))?)
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
    let rate = f64::from(args.connections_per_address);
    // The API server, or the one address that it has behind a tunnel, opens a connection for each review that is not
    // answered yet: whoever is slow must not be the one who refuses.
    let of_reviews = tls::Limits { connections: 2048, of_one_address: 1024, rate: rate * 10.0, head: IDLE };
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
    let of_pods_alone = tls::Limits { connections: 4096, of_one_address: OF_ONE_ADDRESS, rate, head: HEAD };
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
