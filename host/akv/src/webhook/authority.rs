//! The root and its intermediates, shared by all replicas through one Secret.

use akv_api::name::SINCE;
use akv_authority::{AuthorityError, Bundle, Lifetimes, Pair, Peers, Serving, cross_signed, pod_certificate, serving};
use akv_wire::PodIdentity;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use thiserror::Error;
use time::OffsetDateTime;

/// A bundle, and since when there is one, in Unix seconds.
type Kept = (Bundle, Option<i64>);

/// What this process knows of the bundle.
pub struct Authority {
    keeper: Keeper,
    bundle: RwLock<Arc<Bundle>>,
    peers: Peers,
    made: Option<i64>,
}

/// Where the bundle is kept.
#[derive(Clone)]
pub struct Keeper {
    /// The API server.
    pub client: Client,
    /// The namespace of the Secret.
    pub namespace: String,
    /// Its name.
    pub secret: String,
    /// A root that somebody else keeps.
    pub root: Option<PathBuf>,
    /// The authority of the original, for pods that trust nothing else.
    pub legacy: Option<Pair>,
    /// How long certificates live.
    pub lifetimes: Lifetimes,
}

/// Why there is no bundle.
#[derive(Debug, Error)]
pub enum KeeperError {
    /// The API server.
    #[error("the Secret {0} could not be read or written: {1}")]
    Server(String, #[source] kube::Error),
    /// What the Secret or the directory holds.
    #[error("{0}: {1}; mend or delete it, and a new one is made")]
    Content(String, #[source] AuthorityError),
    /// A file.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] std::io::Error),
}

impl Authority {
    /// Reads the bundle, or makes it.
    pub async fn load(keeper: Keeper, now: OffsetDateTime) -> Result<Self, KeeperError> {
        let (bundle, made) = keeper.current(None, now).await?;
        let content = |error| KeeperError::Content(format!("Secret {}", keeper.secret), error);
        let peers = bundle.root().certificate().and_then(|root| Peers::of(&[root])).map_err(content)?;
        Ok(Self { bundle: RwLock::new(Arc::new(bundle)), peers, made, keeper })
    }

    /// Looks again, and rotates what is due. A Secret that is gone is made again of what this process holds.
    pub async fn refresh(&self, now: OffsetDateTime) -> Result<(), KeeperError> {
        let known = self.bundle();
        let bundle = Arc::new(self.keeper.current(Some((&known, self.made)), now).await?.0);
        if !same(bundle.root(), known.root()) {
            // Pods that were admitted trust the old root and nothing else; a process that knows both would hide that.
            tracing::error!(
                "the root of the pods' certificates was replaced; this process goes on with the one that it began with"
            );
            return Ok(());
        }
        *self.bundle.write().unwrap_or_else(PoisonError::into_inner) = bundle;
        Ok(())
    }

    /// The bundle as it is now.
    pub fn bundle(&self) -> Arc<Bundle> {
        // The lock is held for one assignment.
        self.bundle.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the first bundle was made, in Unix seconds: the beginning of the installation.
    pub fn made(&self) -> Option<i64> {
        self.made
    }

    /// Who is accepted.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// A certificate for a container.
    pub fn pod_certificate(
        &self,
        identity: &PodIdentity,
        request: &str,
        now: OffsetDateTime,
    ) -> Result<String, AuthorityError> {
        pod_certificate(&self.bundle(), identity, request, now, self.keeper.lifetimes)
    }

    /// A serving certificate, which leads to the original's authority too if there is one.
    pub fn serving(&self, names: &[String], now: OffsetDateTime) -> Result<Serving, AuthorityError> {
        let (bundle, lifetimes) = (self.bundle(), self.keeper.lifetimes);
        let mut made = serving(&bundle, names, now, lifetimes)?;
        if let Some(other) = &self.keeper.legacy {
            made.certified.cert.push(cross_signed(&bundle, other, now, lifetimes)?);
        }
        Ok(made)
    }
}

impl Keeper {
    /// What the Secret holds and since when; made, of what is `known` if that can be, or rotated if that is due. Of several
    /// processes that do it at once one wins, and the others read what it wrote.
    async fn current(&self, known: Option<(&Bundle, Option<i64>)>, now: OffsetDateTime) -> Result<Kept, KeeperError> {
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.namespace);
        let server = |error| KeeperError::Server(self.secret.clone(), error);
        let content = |error| KeeperError::Content(format!("Secret {}", self.secret), error);
        let outside = self.root.as_deref().map(pair).transpose()?;
        loop {
            let Some(found) = api.get_opt(&self.secret).await.map_err(server)? else {
                let known = known.filter(|(known, _)| outside.as_ref().is_none_or(|root| same(root, known.root())));
                let (bundle, made) = match known {
                    // Every pod that runs trusts this root and no other.
                    Some((known, made)) if !known.over(now).map_err(content)? => {
                        tracing::warn!(
                            secret = self.secret,
                            "the Secret is gone; putting its root and intermediates back"
                        );
                        (known.clone(), made)
                    }
                    _ => (self.fresh(outside.clone(), now).map_err(content)?, None),
                };
                match api.create(&PostParams::default(), &self.secret(&bundle, None, made)).await {
                    Ok(made) => return Ok((bundle, since(&made))),
                    Err(kube::Error::Api(status)) if status.code == 409 => continue,
                    Err(error) => return Err(server(error)),
                }
            };
            let made = since(&found);
            let data = found.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
            let bundle = Bundle::from_data(&data).map_err(content)?;
            let replaced = outside.as_ref().is_some_and(|root| !same(root, bundle.root()));
            let next = if replaced {
                Some(self.fresh(outside.clone(), now).map_err(content)?)
            } else {
                bundle.rotated(now, self.lifetimes).map_err(content)?
            };
            let Some(next) = next else {
                return Ok((bundle, made));
            };
            let secret = self.secret(&next, found.metadata.resource_version, made);
            match api.replace(&self.secret, &PostParams::default(), &secret).await {
                Ok(_) => {
                    tracing::info!("a new intermediate signs from now on");
                    return Ok((next, made));
                }
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(server(error)),
            }
        }
    }

    fn fresh(&self, root: Option<Pair>, now: OffsetDateTime) -> Result<Bundle, AuthorityError> {
        match root {
            Some(root) => Bundle::under(root, now, self.lifetimes),
            None => Bundle::make(now, self.lifetimes),
        }
    }

    fn secret(&self, bundle: &Bundle, version: Option<String>, made: Option<i64>) -> Secret {
        let data = bundle.to_data().into_iter().map(|(key, value)| (key, ByteString(value)));
        let made = made.and_then(|made| Timestamp::from_second(made).ok());
        Secret {
            metadata: ObjectMeta {
                name: Some(self.secret.clone()),
                resource_version: version,
                annotations: made.map(|made| BTreeMap::from([(SINCE.to_owned(), made.to_string())])),
                ..ObjectMeta::default()
            },
            data: Some(data.collect()),
            ..Secret::default()
        }
    }
}

fn same(one: &Pair, other: &Pair) -> bool {
    one.certificate_pem() == other.certificate_pem()
}

/// When the first bundle was made; a Secret that had to be made again is no new beginning.
fn since(secret: &Secret) -> Option<i64> {
    let noted = secret.annotations().get(SINCE).and_then(|text| text.parse::<Timestamp>().ok());
    noted.or(secret.metadata.creation_timestamp.as_ref().map(|time| time.0)).map(Timestamp::as_second)
}

/// `tls.crt` and `tls.key` of a directory.
pub fn pair(directory: &Path) -> Result<Pair, KeeperError> {
    let read = |name: &str| {
        let path = directory.join(name);
        std::fs::read(&path).map_err(|error| KeeperError::File(path, error))
    };
    Pair::parse("tls", &read("tls.crt")?, &read("tls.key")?)
        .map_err(|error| KeeperError::Content(directory.display().to_string(), error))
}
