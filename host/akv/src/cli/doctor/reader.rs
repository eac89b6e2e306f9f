//! Reads the cluster as the person who asks.

use super::fact::{Fact, Unread};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Objects of one page; a cluster may hold tens of thousands.
const PAGE: u32 = 500;
/// Requests at the same time: a cluster may have hundreds of labelled namespaces, and each is asked about apart.
pub const AT_ONCE: usize = 16;

/// A client that remembers what it asked for when it is refused.
#[derive(Clone)]
pub struct Reader(pub Client);

impl Reader {
    /// Every object of a kind of the cluster, or of a namespace.
    pub async fn list<K>(&self, within: Option<&str>) -> Fact<Vec<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let api = within.map_or_else(|| Api::all(self.0.clone()), |name| Api::namespaced(self.0.clone(), name));
        pages(&api).await.map_err(|error| unread::<K>(&error, "list", within))
    }

    /// Every object of a kind that is in no namespace.
    pub async fn list_wide<K>(&self) -> Fact<Vec<K>>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + DeserializeOwned + Debug,
    {
        pages(&Api::all(self.0.clone())).await.map_err(|error| unread::<K>(&error, "list", None))
    }

    /// One object of a namespace, if it is there.
    pub async fn get<K>(&self, namespace: &str, name: &str) -> Fact<Option<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let api = Api::<K>::namespaced(self.0.clone(), namespace);
        api.get_opt(name).await.map_err(|error| unread::<K>(&error, "get", Some(namespace)))
    }

    /// One object that is in no namespace, if it is there.
    pub async fn get_wide<K>(&self, name: &str) -> Fact<Option<K>>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + DeserializeOwned + Debug,
    {
        Api::<K>::all(self.0.clone()).get_opt(name).await.map_err(|error| unread::<K>(&error, "get", None))
    }

    /// The metadata of one object, if it is there: the server sends nothing else of a Secret.
    pub async fn metadata<K>(&self, namespace: &str, name: &str) -> Fact<Option<PartialObjectMeta<K>>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let api = Api::<K>::namespaced(self.0.clone(), namespace);
        api.get_metadata_opt(name).await.map_err(|error| unread::<K>(&error, "get", Some(namespace)))
    }

    /// The metadata of the objects that a field selector matches.
    pub async fn list_metadata<K>(&self, within: &str, fields: &str) -> Fact<Vec<PartialObjectMeta<K>>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let api = Api::<K>::namespaced(self.0.clone(), within);
        let found = api.list_metadata(&ListParams::default().fields(fields)).await;
        found.map(|list| list.items).map_err(|error| unread::<K>(&error, "list", Some(within)))
    }
}

/// Every page of a list.
pub async fn pages<K: Clone + DeserializeOwned + Debug>(api: &Api<K>) -> kube::Result<Vec<K>> {
    let (mut found, mut params) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let page = api.list(&params).await?;
        found.extend(page.items);
        match page.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => params = params.continue_token(&next),
            None => return Ok(found),
        }
    }
}

fn unread<K: Resource<DynamicType = ()>>(error: &kube::Error, verb: &str, within: Option<&str>) -> Unread {
    let group = K::group(&());
    let resource = if group.is_empty() { K::plural(&()).into_owned() } else { format!("{}.{group}", K::plural(&())) };
    let asked = format!("{resource} {}", place(within));
    Unread::of(error, asked.clone(), verb, &asked)
}

/// Where something was asked for.
pub fn place(within: Option<&str>) -> String {
    within.map_or_else(|| "in the whole cluster".to_owned(), |name| format!("in namespace {name}"))
}
