//! Everything that the checks look at, fetched once.

use super::access::{self, Missing};
use super::fact::{Fact, Unread};
use super::part::{Part, of_the_original};
use super::reader::{AT_ONCE, Reader, pages, place};
use super::resource::Seen;
use super::serving::{self, Shown};
use super::{DoctorArgs, pod};
use akv_api::name::INJECTION_LABEL;
use futures::{StreamExt, stream};
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret, Service};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::version::Info;
use k8s_openapi::jiff::Timestamp;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

/// The Secrets of the original hold a client certificate, so they are of this type.
const TLS_SECRETS: &str = "type=kubernetes.io/tls";
/// How their names begin.
const OF_PODS: &str = "akv2k8s-";

/// What is in the cluster, as far as the person who asks may see it.
pub struct Facts {
    /// When it was looked at.
    pub now: Timestamp,
    /// The namespace of the release.
    pub namespace: String,
    /// What the API server says of itself.
    pub server: Info,
    /// Our definitions, each with what the server has under its name.
    pub definitions: Fact<Vec<(CustomResourceDefinition, Option<CustomResourceDefinition>)>>,
    /// The parts of the release.
    pub parts: Fact<Vec<Part>>,
    /// Deployments everywhere.
    pub deployments: Fact<Vec<Deployment>>,
    /// The pods in the namespace of the release.
    pub pods: Fact<Vec<Pod>>,
    /// What the accounts of the parts lack.
    pub missing: Fact<Vec<Missing>>,
    /// The registrations of webhooks for pods.
    pub registrations: Fact<Vec<MutatingWebhookConfiguration>>,
    /// The Service that our registration leads to; `None` if it leads to none, or there is none.
    pub service: Fact<Option<Service>>,
    /// What the webhook shows; `None` where there is no registration that says how to look.
    pub shown: Option<Fact<Shown>>,
    /// Whether the Secret of the authority is there; `None` where no webhook is installed.
    pub authority: Option<Fact<bool>>,
    /// The namespaces.
    pub namespaces: Fact<Vec<Namespace>>,
    /// The pods of the namespaces that carry the label of injection, with whatever value.
    pub candidates: Vec<Fact<Vec<Pod>>>,
    /// Secrets of those namespaces, as `NAMESPACE/NAME`, that look like the original's.
    pub of_pods: Vec<Fact<Vec<String>>>,
    /// Our resources.
    pub resources: Fact<Vec<Seen>>,
    /// The plugins.
    pub plugins: Fact<Vec<Seen>>,
    /// The lease; `None` where no controller is installed.
    pub lease: Option<Fact<Option<Lease>>>,
}

impl Facts {
    /// Fetches them.
    pub async fn fetch(client: &Client, args: &DoctorArgs, server: Info) -> Self {
        let reader = Reader(client.clone());
        let namespace = args.namespace.as_str();
        let parts = reader.list::<Deployment>(Some(namespace)).await.map(|all| parts(&all, args.release.as_deref()));
        let known: &[Part] = parts.as_deref().unwrap_or_default();
        let (controls, admits) = (known.iter().find(|part| part.controls()), known.iter().find(|part| part.admits()));
        let (deployments, pods, missing, registrations, namespaces) = tokio::join!(
            reader.list(None),
            reader.list::<Pod>(Some(namespace)),
            access::missing(client, known),
            reader.list_wide::<MutatingWebhookConfiguration>(),
            reader.list_wide::<Namespace>(),
        );
        // A release of one namespace has nothing to do with resources elsewhere.
        let within = (!known.is_empty() && !known.iter().any(Part::everywhere)).then_some(namespace);
        let label = admits.map_or_else(|| INJECTION_LABEL.to_owned(), |part| part.injection_label().0);
        let marked: Vec<String> = namespaces
            .iter()
            .flatten()
            .filter(|n| n.labels().contains_key(&label))
            .map(ResourceExt::name_any)
            .collect();
        let (definitions, resources, plugins, lease, authority, candidates, of_pods) = tokio::join!(
            definitions(&reader),
            seen(client, "v2beta1", "AzureKeyVaultSecret", within),
            seen(client, "v1alpha1", "AzureKeyVaultPlugin", None),
            lease(&reader, controls),
            authority(&reader, admits),
            stream::iter(&marked).map(|name| reader.list::<Pod>(Some(name))).buffered(AT_ONCE).collect(),
            stream::iter(&marked).map(|name| of_pods(&reader, name)).buffered(AT_ONCE).collect(),
        );
        let ours = registrations.as_ref().ok().zip(admits).and_then(|(all, part)| ours(all, part));
        let (service, shown) = tokio::join!(service(&reader, ours), shown(client, ours, admits, &pods));
        Self {
            now: Timestamp::now(),
            namespace: namespace.to_owned(),
            server,
            definitions,
            deployments,
            pods,
            missing,
            service,
            shown,
            registrations,
            authority,
            namespaces,
            candidates,
            of_pods,
            resources,
            plugins,
            lease,
            parts,
        }
    }

    /// The parts that are known.
    pub fn known_parts(&self) -> &[Part] {
        self.parts.as_deref().unwrap_or_default()
    }

    /// The part that is the webhook.
    pub fn webhook(&self) -> Option<&Part> {
        self.known_parts().iter().find(|part| part.admits())
    }

    /// The registration of our webhook, if it is known and there.
    pub fn registration(&self) -> Option<&MutatingWebhookConfiguration> {
        ours(self.registrations.as_deref().ok()?, self.webhook()?)
    }
}

fn parts(all: &[Deployment], release: Option<&str>) -> Vec<Part> {
    let found = all.iter().filter(|deployment| !of_the_original(deployment)).filter_map(Part::of);
    found.filter(|part| release.is_none() || part.release() == release).collect()
}

fn ours<'a>(all: &'a [MutatingWebhookConfiguration], part: &Part) -> Option<&'a MutatingWebhookConfiguration> {
    let name = part.setting("mutating-configuration")?;
    all.iter().find(|found| found.name_any() == name)
}

async fn definitions(reader: &Reader) -> Fact<Vec<(CustomResourceDefinition, Option<CustomResourceDefinition>)>> {
    let mut found = Vec::new();
    for ours in akv_api::crd::all() {
        let theirs = reader.get_wide(&ours.name_any()).await?;
        found.push((ours, theirs));
    }
    Ok(found)
}

/// Every resource of a kind of ours.
async fn seen(client: &Client, version: &str, kind: &str, within: Option<&str>) -> Fact<Vec<Seen>> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(akv_api::name::GROUP, version, kind));
    let api: Api<DynamicObject> = match within {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let name = format!("{}.{} {}", resource.plural, resource.group, place(within));
    let all = pages(&api).await.map_err(|error| Unread::of(&error, name.clone(), "list", &name))?;
    Ok(all.iter().map(|object| Seen::of(&serde_json::to_value(object).unwrap_or(Value::Null))).collect())
}

async fn lease(reader: &Reader, part: Option<&Part>) -> Option<Fact<Option<Lease>>> {
    let part = part?;
    Some(reader.get(&part.namespace(), &part.setting("lease-name")?).await)
}

async fn authority(reader: &Reader, part: Option<&Part>) -> Option<Fact<bool>> {
    let part = part?;
    let found = reader.metadata::<Secret>(&part.namespace(), &part.setting("authority-secret")?).await;
    Some(found.map(|found| found.is_some()))
}

async fn of_pods(reader: &Reader, namespace: &str) -> Fact<Vec<String>> {
    let found = reader.list_metadata::<Secret>(namespace, TLS_SECRETS).await?;
    let names = found.iter().map(ResourceExt::name_any).filter(|name| name.starts_with(OF_PODS));
    Ok(names.map(|name| format!("{namespace}/{name}")).collect())
}

async fn service(reader: &Reader, ours: Option<&MutatingWebhookConfiguration>) -> Fact<Option<Service>> {
    let leads = ours.and_then(|found| found.webhooks.as_ref()?.first()?.client_config.service.clone());
    match leads {
        Some(to) => reader.get(&to.namespace, &to.name).await,
        None => Ok(None),
    }
}

async fn shown(
    client: &Client,
    ours: Option<&MutatingWebhookConfiguration>,
    part: Option<&Part>,
    pods: &Fact<Vec<Pod>>,
) -> Option<Fact<Shown>> {
    let (part, config) = (part?, &ours?.webhooks.as_ref()?.first()?.client_config);
    let bundle = config.ca_bundle.as_ref().filter(|bundle| !bundle.0.is_empty())?;
    let port = part.setting("tls-port").and_then(|port| port.parse().ok()).unwrap_or(8443);
    let ready = pods.iter().flatten().find(|pod| pod::of(part, pod) && pod::ready(pod));
    Some(match serving::place(config, ready.map(|pod| (pod, port))) {
        Ok((place, name)) => serving::look(client, &place, name, &bundle.0).await,
        Err(unread) => Err(unread),
    })
}
