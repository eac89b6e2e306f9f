//! The client: one credential, the SDK's clients by vault, and what happens when a token is suddenly refused.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use akv_core::{Description, Part, VaultName, VaultObject};
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, Url};
use azure_security_keyvault_certificates::{CertificateClient, CertificateClientOptions};
use azure_security_keyvault_keys::{KeyClient, KeyClientOptions};
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};

use crate::cloud::Cloud;
use crate::credential::Maker;
use crate::error::VaultError;
use crate::failure::Failure;
use crate::policy::HostPin;
use crate::read::Clients;
use crate::settings::Settings;
use crate::settings_error::SettingsError;
use crate::transport::Wire;
use crate::vault_answer::LATER;

/// A credential is made anew at most this often, so that a vault that refuses everything does not become a load on Entra.
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);
/// Vault names come from users. Beyond this many the clients are dropped and made again, which costs a request each.
const MOST_VAULTS: usize = 512;

/// Reads vault objects. Cheap to clone; clones share connections, tokens and clients.
#[derive(Clone)]
pub struct VaultClient(Arc<Inner>);

struct Inner {
    settings: Settings,
    outer: Wire,
    machine: Wire,
    state: Mutex<State>,
}

struct State {
    session: Arc<Session>,
    renewed: Option<Instant>,
    /// Vaults that gave something at least once, lower-case: a 401 of theirs is about the token, not about the set-up.
    proven: HashSet<String>,
}

/// A credential and the clients that use it. It is thrown away as a whole, since the SDK's caches cannot be emptied.
struct Session {
    cloud: Cloud,
    credential: Arc<dyn TokenCredential>,
    vaults: Mutex<HashMap<String, Arc<Clients>>>,
}

impl std::fmt::Debug for VaultClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultClient").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl VaultClient {
    /// Makes a client without a word to Azure. Every bad file or variable is named by the error.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let outer = Wire::outer(&settings)?;
        let machine = Wire::machine(&settings)?;
        let session = Session::new(&settings, &outer, &machine)?;
        let state = State { session: Arc::new(session), renewed: None, proven: HashSet::new() };
        Ok(Self(Arc::new(Inner { settings, outer, machine, state: Mutex::new(state) })))
    }

    /// Reads one object, and of it only `parts`; it takes at most [`crate::Timeouts::total`].
    ///
    /// A part that the object does not have, as the public part of a secret, stays empty. Expiry and `nbf` are reported
    /// and not judged, as Key Vault itself does. If a vault that has worked refuses the token, or the token service the
    /// credential, the credential is made anew from its files and variables, and the read tried once more.
    pub async fn read(
        &self,
        vault: &VaultName,
        description: &Description,
        parts: &BTreeSet<Part>,
    ) -> Result<VaultObject, VaultError> {
        let total = self.0.settings.timeouts.total;
        let result = match tokio::time::timeout(total, self.attempt(vault, description, parts)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::unavailable(format!("no answer within {total:?}"), LATER)),
        };
        result.map_err(|failure| {
            let fault = VaultError::new(vault, &description.object, failure);
            tracing::debug!(reason = fault.reason(), request_id = fault.request_id(), error = %fault, "a vault object could not be read");
            fault
        })
    }

    /// The credential, the suffix of its cloud's vaults, and how long to wait for a token.
    pub(crate) fn identity(&self) -> (Arc<dyn TokenCredential>, String, Duration) {
        let session = self.state().session.clone();
        (session.credential.clone(), session.cloud.vault_suffix.clone(), self.0.settings.timeouts.total)
    }

    async fn attempt(
        &self,
        vault: &VaultName,
        description: &Description,
        parts: &BTreeSet<Part>,
    ) -> Result<VaultObject, Failure> {
        let session = self.state().session.clone();
        let first = self.read_with(&session, vault, description, parts).await;
        match first {
            Err(failure) if failure.credential_refused => match self.renew(&session, vault, &failure) {
                Some(renewed) => self.read_with(&renewed, vault, description, parts).await,
                None => Err(failure),
            },
            other => other,
        }
    }

    async fn read_with(
        &self,
        session: &Session,
        vault: &VaultName,
        description: &Description,
        parts: &BTreeSet<Part>,
    ) -> Result<VaultObject, Failure> {
        let clients = session.clients(vault, &self.0.outer)?;
        let read = clients.read(description, parts).await?;
        self.state().proven.insert(key(vault));
        Ok(read)
    }

    /// The session to try again with, if there is a point in it.
    fn renew(&self, refused: &Arc<Session>, vault: &VaultName, why: &Failure) -> Option<Arc<Session>> {
        let mut state = self.state();
        if !Arc::ptr_eq(&state.session, refused) {
            return Some(state.session.clone());
        }
        let of_vault = why.reason == akv_api::reason::VAULT_UNAUTHORIZED;
        if of_vault && !state.proven.contains(&key(vault)) {
            return None;
        }
        if state.renewed.is_some_and(|last| last.elapsed() < RENEWAL_PAUSE) {
            return None;
        }
        state.renewed = Some(Instant::now());
        match Session::new(&self.0.settings, &self.0.outer, &self.0.machine) {
            Ok(session) => {
                tracing::info!(%vault, reason = why.reason, "the credential was refused and is made anew");
                state.session = Arc::new(session);
                Some(state.session.clone())
            }
            Err(fault) => {
                tracing::warn!(error = %fault, "the credential was refused and cannot be made anew");
                None
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn new(settings: &Settings, outer: &Wire, machine: &Wire) -> Result<Self, SettingsError> {
        let (cloud, credential) = Maker::new(settings, outer, machine).make()?;
        Ok(Self { cloud, credential, vaults: Mutex::new(HashMap::new()) })
    }

    fn clients(&self, vault: &VaultName, wire: &Wire) -> Result<Arc<Clients>, Failure> {
        let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        let name = key(vault);
        if let Some(clients) = vaults.get(&name) {
            return Ok(clients.clone());
        }
        if vaults.len() >= MOST_VAULTS {
            vaults.clear();
        }
        let endpoint = format!("https://{name}.{}", self.cloud.vault_suffix);
        let clients = self.connect(&endpoint, wire).map_err(|fault| {
            Failure::unavailable(format!("no client for {endpoint}: {fault}"), "check the cloud's DNS suffix")
        })?;
        let clients = Arc::new(clients);
        vaults.insert(name, clients.clone());
        Ok(clients)
    }

    fn connect(&self, endpoint: &str, wire: &Wire) -> azure_core::Result<Clients> {
        let url = Url::parse(endpoint)?;
        let options = || {
            let mut options: ClientOptions = wire.options();
            options.per_call_policies.push(Arc::new(HostPin::new(url.clone())));
            options
        };
        let credential = || self.credential.clone();
        Ok(Clients {
            secrets: SecretClient::new(
                endpoint,
                credential(),
                Some(SecretClientOptions { client_options: options(), ..SecretClientOptions::default() }),
            )?,
            certificates: CertificateClient::new(
                endpoint,
                credential(),
                Some(CertificateClientOptions { client_options: options(), ..CertificateClientOptions::default() }),
            )?,
            keys: KeyClient::new(
                endpoint,
                credential(),
                Some(KeyClientOptions { client_options: options(), ..KeyClientOptions::default() }),
            )?,
        })
    }
}

/// DNS ignores case, and so do the maps.
fn key(vault: &VaultName) -> String {
    vault.as_str().to_ascii_lowercase()
}
