//! The command of an image, for all who ask.
//!
//! An answer belongs to the plan that it was given for, that is to the places and credentials of one asker: the key holds a
//! fingerprint of them. So a private image's command is known only to those whose own pull secret opened it, or, in the
//! cloud's own registries, to everybody if the installation's identity may pull it, as every node then may too.

use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::client::Clients;
use crate::credential::{Fingerprint, Fingerprints};
use crate::digest::Digest;
use crate::fault::Fault;
use crate::fence::Fence;
use crate::flight::{Flights, Use};
use crate::host::Host;
use crate::image::{Image, Reference};
use crate::lookup;
use crate::manifest::Command;
use crate::plan::Plan;
use crate::platform::Platform;
use crate::pull_secret::PullSecret;
use crate::refusal::Refusal;
use crate::session::Desk;
use crate::settings::{Mirrors, Settings, SettingsError, fence, mirrors};
use crate::wire::Wire;

/// Look-ups at once. Users choose what is looked up, and each may hold a document of the largest size.
const MOST_AT_ONCE: usize = 16;

/// What a node runs if the pod does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageCommand {
    /// The image's `ENTRYPOINT`.
    pub entrypoint: Vec<String>,
    /// The image's `CMD`.
    pub cmd: Vec<String>,
    /// The digest that the image's name stood for.
    pub digest: Digest,
}

/// When a node asks for a tag again; the pod's `imagePullPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// For each pod.
    Always,
    /// When it does not have the image.
    IfNotPresent,
    /// Never.
    Never,
}

/// Asks registries. Cheap to clone; clones share connections and answers.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    desk: Arc<Desk>,
    fence: Arc<Fence>,
    mirrors: Mirrors,
    keep: std::time::Duration,
    slots: Arc<Semaphore>,
    tags: Flights<Key, (Digest, usize)>,
    commands: Flights<Key, Arc<Command>>,
}

/// Whose answer it is, and to what. For a tag the platform makes no difference, for a digest it does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    host: Host,
    repository: String,
    reference: Reference,
    platform: Option<Platform>,
    asker: Fingerprint,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

impl Registry {
    /// Makes one without a word to anybody. Every bad setting is named by the error.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let mirrors = mirrors(&settings)?;
        let fence = Arc::new(fence(&settings, &mirrors)?);
        let clients = Clients::new(&settings, fence.clone())?;
        let prints =
            Fingerprints::new().ok_or_else(|| SettingsError::Client("the machine has no randomness".to_owned()))?;
        let desk = Desk {
            wire: Wire { clients, fence: fence.clone() },
            exchange: settings.exchange,
            tokens: Mutex::new(Cache::new()),
            prints,
        };
        Ok(Self(Arc::new(Inner {
            desk: Arc::new(desk),
            fence,
            mirrors,
            keep: settings.keep,
            slots: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            tags: Flights::new(),
            commands: Flights::new(),
        })))
    }

    /// The command of an image for nodes of a platform, asked for with the credentials of the pod that wants it.
    ///
    /// A tag is asked for each time, unless the policy says that a node would not, and it is not `latest`; what stands
    /// behind a digest is asked for once. Nothing takes longer than the deadline.
    pub async fn command(
        &self,
        image: &Image,
        platform: &Platform,
        credentials: &[PullSecret],
        policy: PullPolicy,
        deadline: Instant,
    ) -> Result<ImageCommand, Refusal> {
        let work = self.found(image, platform, credentials, policy, deadline);
        let found = tokio::time::timeout_at(deadline, work).await;
        found.unwrap_or_else(|_| Err(Fault::Deadline(image.host().clone()))).map_err(|fault| {
            let refusal = Refusal::new(image, &fault);
            tracing::debug!(reason = refusal.reason().as_str(), %refusal, "the command of an image is not known");
            refusal
        })
    }

    async fn found(
        &self,
        image: &Image,
        platform: &Platform,
        credentials: &[PullSecret],
        policy: PullPolicy,
        deadline: Instant,
    ) -> Result<ImageCommand, Fault> {
        let inner = &self.0;
        let exchange = inner.desk.exchange.as_ref();
        let plan = Arc::new(Plan::new(image, credentials, &inner.fence, &inner.mirrors, exchange)?);
        let asker = plan.fingerprint(&inner.desk.prints);
        let key = |reference: Reference, platform: Option<&Platform>| Key {
            host: image.host().clone(),
            repository: image.repository().to_owned(),
            reference,
            platform: platform.cloned(),
            asker: asker.clone(),
        };
        let (digest, start) = match image.reference() {
            Reference::Digest(digest) => (digest.clone(), 0),
            Reference::Tag(tag) => {
                let kept = policy != PullPolicy::Always && tag != "latest";
                let usage = Use { kept, keep: inner.keep };
                let key = key(image.reference().clone(), None);
                let look_up = || self.resolve(plan.clone(), tag.clone(), deadline);
                patiently(deadline, || inner.tags.ask(key.clone(), usage, |_| 512, look_up())).await?
            }
        };
        let usage = Use { kept: true, keep: inner.keep };
        let key = key(Reference::Digest(digest.clone()), Some(platform));
        let look_up = || self.read(plan.clone(), start, digest.clone(), platform.clone(), deadline);
        let command = patiently(deadline, || inner.commands.ask(key.clone(), usage, weight, look_up())).await?;
        Ok(ImageCommand { entrypoint: command.entrypoint.clone(), cmd: command.cmd.clone(), digest })
    }

    fn resolve(
        &self,
        plan: Arc<Plan>,
        tag: String,
        deadline: Instant,
    ) -> impl Future<Output = Result<(Digest, usize), Fault>> + Send + 'static {
        let (desk, slots) = (self.0.desk.clone(), self.0.slots.clone());
        async move {
            let _slot = slot(&slots, deadline, &plan).await?;
            lookup::resolve(&desk, &plan, &tag, deadline).await
        }
    }

    fn read(
        &self,
        plan: Arc<Plan>,
        start: usize,
        digest: Digest,
        platform: Platform,
        deadline: Instant,
    ) -> impl Future<Output = Result<Arc<Command>, Fault>> + Send + 'static {
        let (desk, slots) = (self.0.desk.clone(), self.0.slots.clone());
        async move {
            let _slot = slot(&slots, deadline, &plan).await?;
            lookup::command(&desk, &plan, start, &digest, &platform, deadline).await.map(Arc::new)
        }
    }
}

/// Asks again where somebody else's look-up, which was shared, ended with his time and not with ours.
async fn patiently<T, F: Future<Output = Result<T, Fault>>>(
    deadline: Instant,
    ask: impl Fn() -> F,
) -> Result<T, Fault> {
    loop {
        match ask().await {
            Err(Fault::Deadline(_)) if Instant::now() < deadline => {}
            other => return other,
        }
    }
}

/// Waits for a slot, which nobody gets after the deadline.
async fn slot<'a>(
    slots: &'a Semaphore,
    deadline: Instant,
    plan: &Plan,
) -> Result<tokio::sync::SemaphorePermit<'a>, Fault> {
    let host = plan.attempts().first().map(|attempt| &attempt.endpoint.host).ok_or(Fault::Ended)?;
    crate::wire::within(deadline, host, slots.acquire()).await?.map_err(|_| Fault::Ended)
}

fn weight(command: &Arc<Command>) -> usize {
    let words = command.entrypoint.iter().chain(&command.cmd);
    512 + words.map(|word| word.len() + size_of::<String>()).sum::<usize>()
}
