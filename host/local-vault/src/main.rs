//! The program `local-vault`.

use clap::Parser;
use local_vault::{LocalVault, Options, Seed};
use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// A Key Vault and its token service on loopback, for development, demo and tests.
///
/// Prints the variables that make a program use it, then serves until it is told to stop:
///
///     local-vault --seed vault.yaml > env.sh &
///     . env.sh
///     akv2k8s render -f resource.yaml --auth-type environment
///
/// Objects can be changed while it runs, by the admin interface at $LOCAL_VAULT_ADMIN:
///
///     curl -X PUT $LOCAL_VAULT_ADMIN/shop-prod/secrets/db -d '{"value": "new"}'
///     curl -X POST $LOCAL_VAULT_ADMIN/faults -d '{"operation": "secrets.get", "status": 503}'
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Args {
    /// Identities, vaults and objects to start with, as YAML
    #[arg(long, env = "LOCAL_VAULT_SEED", value_name = "FILE")]
    seed: PathBuf,
    /// Address of the vaults and the token service (TLS)
    #[arg(long, env = "LOCAL_VAULT_LISTEN", default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Address of the admin interface and of managed identities (plain HTTP)
    #[arg(long, env = "LOCAL_VAULT_ADMIN_LISTEN", default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    admin: SocketAddr,
    /// The identity whose variables are printed; the first of the seed if not given
    #[arg(long, env = "LOCAL_VAULT_IDENTITY", value_name = "NAME")]
    identity: Option<String>,
    /// Refuse what exceeds the limits of a real vault (429), as `throttle: true` of the seed does
    #[arg(long, env = "LOCAL_VAULT_THROTTLE")]
    throttle: bool,
    /// Directory for the CA and the like; one of its own, removed at the end, if not given
    #[arg(long, env = "LOCAL_VAULT_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Listen where others can reach it; everybody who does can read and change everything
    #[arg(long)]
    allow_non_loopback: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // As it is: a list of faults has a line for each.
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    if !args.allow_non_loopback && [args.listen, args.admin].iter().any(|at| !at.ip().is_loopback()) {
        return Err("this is no vault for others: listen on loopback, or say --allow-non-loopback".into());
    }
    let mut seed = Seed::read(&args.seed)?;
    seed.throttle |= args.throttle;
    if let Some(name) = &args.identity {
        seed.require_identity(name)?;
    }
    let first = seed.identities.first().map(|i| i.name.clone()).unwrap_or_default();
    let vault = LocalVault::start(seed, Options { listen: args.listen, admin: args.admin, dir: args.dir }).await?;
    let mut out = std::io::stdout().lock();
    for (name, value) in vault.environment(args.identity.as_ref().unwrap_or(&first)) {
        writeln!(out, "export {name}='{value}'")?;
    }
    for (name, url) in vault.vaults() {
        writeln!(out, "# vault {name}: {url}")?;
    }
    out.flush()?;
    drop(out);
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
