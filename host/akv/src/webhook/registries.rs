//! The registries of images as the flags describe them.

use super::args::WebhookArgs;
use akv_registry::{Exchange, Registry, Settings, Token};
use akv_vault::VaultClient;
use futures::FutureExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Who is asked for the commands of images, and how long it may take.
pub struct Registries {
    /// All of them: an image's name says which.
    pub client: Registry,
    /// How long one look-up may take.
    pub patience: Duration,
}

impl Registries {
    /// From flags. `vault` has the identity that attached registries let in.
    ///
    /// # Errors
    /// Names the flag.
    pub fn new(args: &WebhookArgs, vault: Option<&VaultClient>) -> Result<Self, String> {
        let mut mirrors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in &args.registry_mirrors {
            let (from, to) =
                pair.split_once('=').ok_or_else(|| format!("REGISTRY_MIRRORS: {pair:?} is not HOST=MIRROR"))?;
            mirrors.entry(from.trim().to_owned()).or_default().push(to.trim().to_owned());
        }
        let text =
            |(k, v): (std::ffi::OsString, std::ffi::OsString)| Some((k.into_string().ok()?, v.into_string().ok()?));
        let settings = Settings {
            allowed_networks: args.registry_allowed_networks.clone(),
            refused_networks: args.registry_refused_networks.clone(),
            insecure: args.registry_insecure.clone(),
            mirrors,
            extra_ca: args.registry_ca_file.clone(),
            environment: std::env::vars_os().filter_map(text).collect(),
            exchange: vault.and_then(exchange),
            ..Settings::new(args.registries.clone())
        };
        let client = Registry::new(settings).map_err(|error| error.to_string())?;
        Ok(Self { client, patience: Duration::from_secs(args.image_inspection_timeout) })
    }
}

/// The cloud's container registries let the installation's identity in, as they do the nodes'.
fn exchange(vault: &VaultClient) -> Option<Exchange> {
    let suffix = vault.registry_suffix()?.to_owned();
    let vault = vault.clone();
    let token = move || {
        let vault = vault.clone();
        async move { vault.management_token().await.map(Token::new).map_err(|error| error.to_string()) }.boxed()
    };
    Some(Exchange { suffix, tenant: None, token: Arc::new(token) })
}
