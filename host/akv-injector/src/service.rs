//! The auth service: a token becomes a certificate, and that becomes resources, credentials, plugins or values.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::patience::Patience;
use crate::produce::{Job, Values, produce};
use crate::resource::{block_on, recipe};
use akv_core::{PluginName, SecretValue};
use akv_plugin::{Artifact, Engine, Limits, Plugin, engine};
use akv_vault::{Access, AuthType, Settings, VaultClient};
use akv_wire::Reference;
use akv_wire::arguments::Arguments;
use akv_wire::message::{
    self, Answer, CERTIFICATE, CertificateAnswer, CertificateRequest, PLUGINS, RESOURCES, Refused, ResourcesAnswer,
    ResourcesRequest, Wanted,
};
use akv_wire::name::{TOKEN_DIR, TOKEN_FILE};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, ClientBuilder, Identity, RequestBuilder, StatusCode};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// One request with its whole answer.
const REQUEST: Duration = Duration::from_secs(20);

/// The values of every reference in the environment.
pub fn values(arguments: &Arguments, environment: &Environment) -> Result<Values, Failure> {
    block_on(async {
        let patience = Patience::new();
        let mut service = Service::open(arguments, patience).await?;
        let mut wanted = wanted(arguments, environment);
        let mut values = Values::default();
        let mut engine_name = engine::ENGINE;
        // Twice at most: what cannot be run here is asked for again as values.
        for _ in 0..2 {
            let answer = service.resources(&wanted, engine_name, patience).await?;
            let again = take(arguments, &service, answer, &wanted, patience, &mut values).await?;
            wanted.retain(|wanted| again.contains(&wanted.name));
            if wanted.is_empty() {
                return Ok(values);
            }
            engine_name = "none";
        }
        let names = wanted.iter().map(|wanted| wanted.name.as_str()).collect::<Vec<_>>().join(", ");
        Err(Failure::new(format!("the auth service gives plugins for {names} that cannot run here")))
    })
}

/// Each resource that the environment or the files ask for, once.
pub fn wanted(arguments: &Arguments, environment: &Environment) -> Vec<Wanted> {
    let mut wanted = environment.wanted();
    for resource in arguments.files.keys() {
        match wanted.iter_mut().find(|wanted| wanted.name == *resource) {
            Some(wanted) => wanted.files = true,
            None => wanted.push(Wanted { name: resource.clone(), queries: Vec::new(), files: true }),
        }
    }
    wanted
}

struct Service {
    base: String,
    client: Client,
}

impl Service {
    /// Proves which container this is.
    async fn open(arguments: &Arguments, patience: Patience) -> Result<Self, Failure> {
        let base = arguments.service.clone().unwrap_or_default();
        let root = Certificate::from_der(&arguments.root).map_err(|_| Failure::new("--root is no certificate"))?;
        let builder = || -> ClientBuilder {
            Client::builder()
                .no_proxy()
                .tls_certs_only([root.clone()])
                .timeout(REQUEST)
                .connect_timeout(Duration::from_secs(5))
        };
        let plain = client(builder())?;
        let path = format!("{TOKEN_DIR}/{TOKEN_FILE}");
        let token = std::fs::read_to_string(&path)
            .map_err(|error| Failure::new(format!("{path}: {error}; the container's token proves who it is")))?;
        let key = KeyPair::generate().map_err(|error| Failure::new(error.to_string()))?;
        let request = CertificateParams::default().serialize_request(&key).and_then(|request| request.pem());
        let request = request.map_err(|error| Failure::new(error.to_string()))?;
        let mut body =
            CertificateRequest { container: arguments.container.clone(), token: token.trim().to_owned(), request };
        let answer: CertificateAnswer =
            asked("the auth service", patience.afresh(), || json(plain.post(format!("{base}{CERTIFICATE}")), &body))
                .await?;
        body.token.zeroize();
        let both = Zeroizing::new(format!("{}{}", answer.chain, *Zeroizing::new(key.serialize_pem())));
        let identity = Identity::from_pem(both.as_bytes())
            .map_err(|_| Failure::new("the auth service gave a certificate that cannot be read"))?;
        Ok(Self { client: client(builder().identity(identity))?, base })
    }

    async fn resources(
        &mut self,
        wanted: &[Wanted],
        engine: &str,
        patience: Patience,
    ) -> Result<ResourcesAnswer, Failure> {
        let (engine, target) = (engine.to_owned(), engine::target().to_owned());
        let body = ResourcesRequest { engine, target, resources: wanted.to_vec() };
        let ask = || json(self.client.post(format!("{}{RESOURCES}", self.base)), &body);
        asked("the auth service", patience.afresh(), ask).await
    }

    /// A compiled plugin of this digest; `None` if there is none for this engine.
    async fn plugin(&self, digest: &str, patience: Patience) -> Result<Option<Vec<u8>>, Failure> {
        let legal = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !legal {
            return Err(Failure::new("the auth service names a plugin by what is no digest"));
        }
        // Names of engines and targets need no escaping.
        let url = format!("{}{PLUGINS}{digest}?engine={}&target={}", self.base, engine::ENGINE, engine::target());
        let mut patience = patience.afresh();
        loop {
            let answer = answered(self.client.get(&url)).await;
            match answer {
                Ok((StatusCode::OK, bytes, _)) => return Ok(Some(bytes.to_vec())),
                Ok((StatusCode::NOT_FOUND, ..)) => return Ok(None),
                other => patient("the auth service", other, &mut patience).await?,
            }
        }
    }
}

/// Makes or takes what was answered. Returns the resources that have to be asked for as values.
async fn take(
    arguments: &Arguments,
    service: &Service,
    answer: ResourcesAnswer,
    wanted: &[Wanted],
    patience: Patience,
    values: &mut Values,
) -> Result<BTreeSet<String>, Failure> {
    let engine = Engine::new().map_err(|error| Failure::new(error.to_string()))?;
    let (custom, foreign) = custom(arguments, service, &answer.plugins, &engine, patience).await?;
    let (mut jobs, mut again) = (Vec::new(), BTreeSet::new());
    let mut resources = answer.resources;
    for wanted in wanted {
        let optional = arguments.optional.contains(&wanted.name);
        match resources.remove(&wanted.name) {
            Some(Answer::Recipe { spec, wait }) => {
                let recipe = recipe(&wanted.name, spec)?;
                let names = recipe.pipeline.iter().map(|step| &step.plugin).chain([&recipe.environment.plugin]);
                if names.into_iter().any(|name| foreign.contains(name.as_str())) {
                    again.insert(wanted.name.clone());
                } else {
                    jobs.push(Job { wanted: wanted.clone(), recipe, wait: Duration::from_millis(wait), optional });
                }
            }
            Some(Answer::Values { values: given, files }) => {
                for (query, value) in wanted.queries.iter().zip(given) {
                    let reference = Reference { resource: wanted.name.clone(), query: query.clone() };
                    values.set(reference, Ok(SecretValue::new(value.expose().to_vec())));
                }
                let files = files.into_iter().map(|(name, value)| (name, SecretValue::new(value.expose().to_vec())));
                values.set_files(&wanted.name, files.collect());
            }
            Some(Answer::Refused(refused)) if optional && refused.reason == akv_api::reason::OBJECT_NOT_FOUND => {
                values.leave_out(&wanted.name);
            }
            Some(Answer::Refused(refused)) => {
                return Err(Failure::new(format!("resource {}: {}: {}", wanted.name, refused.reason, refused.message)));
            }
            None => {
                return Err(Failure::new(format!("resource {}: the auth service did not answer for it", wanted.name)));
            }
        }
    }
    if !jobs.is_empty() {
        let access = answer.access.ok_or_else(|| Failure::new("the auth service gave no credentials"))?;
        let vault = vault(access, answer.authorities.as_deref())?;
        produce(&vault, jobs, custom, &engine, patience, values).await?;
    }
    Ok(again)
}

/// The custom plugins that run here, and the names of those that do not.
async fn custom(
    arguments: &Arguments,
    service: &Service,
    plugins: &BTreeMap<String, message::Plugin>,
    engine: &Engine,
    patience: Patience,
) -> Result<(Vec<Plugin>, BTreeSet<String>), Failure> {
    let (mut custom, mut foreign) = (Vec::new(), BTreeSet::new());
    for (name, plugin) in plugins {
        // The administrator has listed other bytes since the pod was admitted: the service knows what is meant now.
        let replaced = arguments.plugins.get(name).is_some_and(|pinned| *pinned != plugin.digest);
        let bytes = if replaced { None } else { service.plugin(&plugin.digest, patience).await? };
        let Some(bytes) = bytes else {
            foreign.insert(name.clone());
            continue;
        };
        let Ok(artifact) = Artifact::from_bytes(&bytes) else {
            foreign.insert(name.clone());
            continue;
        };
        if artifact.digest() != plugin.digest {
            return Err(Failure::new(format!(
                "plugin {name}: the auth service gave the bytes of {}, not of {}",
                artifact.digest(),
                plugin.digest
            )));
        }
        let parsed = PluginName::parse(name).map_err(|error| Failure::new(error.to_string()))?;
        match engine.load(parsed, &artifact) {
            Ok(loaded) => custom.push(loaded.with_limits(limits(plugin)).with_defaults(plugin.config.clone())),
            Err(_) => {
                foreign.insert(name.clone());
            }
        }
    }
    Ok((custom, foreign))
}

fn limits(plugin: &message::Plugin) -> Limits {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Limits { memory: size(plugin.memory), fuel: plugin.fuel, output: size(plugin.output) }
}

fn vault(access: message::Access, authorities: Option<&str>) -> Result<VaultClient, Failure> {
    let mut roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec();
    let added = CertificateDer::pem_slice_iter(authorities.unwrap_or_default().as_bytes());
    roots.extend(added.filter_map(Result::ok));
    let token = SecretValue::new(access.token.expose().to_vec());
    let settings = Settings {
        roots: Some(roots),
        access: Some(Access { token, expires: access.expires, vault_suffix: access.vault_suffix }),
        ..Settings::new("env", AuthType::Environment, BTreeMap::new())
    };
    VaultClient::new(settings).map_err(|error| Failure::new(error.to_string()))
}

fn client(builder: ClientBuilder) -> Result<Client, Failure> {
    builder.build().map_err(|error| Failure::new(format!("no client for the auth service: {}", error.without_url())))
}

fn json<T: Serialize>(request: RequestBuilder, body: &T) -> RequestBuilder {
    request.json(body)
}

type Reply = Result<(StatusCode, Zeroizing<Vec<u8>>, Option<Duration>), String>;

async fn answered(request: RequestBuilder) -> Reply {
    let answer = request.send().await.map_err(|error| deepest(&error.without_url()))?;
    let status = answer.status();
    let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let body = answer.bytes().await.map_err(|error| deepest(&error.without_url()))?;
    Ok((status, Zeroizing::new(body.to_vec()), after.map(Duration::from_secs)))
}

/// Asks until there is an answer, the answer is a refusal, or the deadline has come.
async fn asked<T: DeserializeOwned>(
    who: &str,
    mut patience: Patience,
    ask: impl Fn() -> RequestBuilder,
) -> Result<T, Failure> {
    loop {
        match answered(ask()).await {
            Ok((StatusCode::OK, body, _)) => {
                // The parser's words may hold a piece of a value.
                return serde_json::from_slice(&body)
                    .map_err(|_| Failure::new(format!("{who} gave an answer that is none")));
            }
            other => patient(who, other, &mut patience).await?,
        }
    }
}

async fn patient(who: &str, reply: Reply, patience: &mut Patience) -> Result<(), Failure> {
    let (why, after, again) = match reply {
        Err(why) => (format!("{who} could not be reached: {why}"), None, true),
        Ok((status, body, after)) => match serde_json::from_slice::<Refused>(&body) {
            Ok(refused) => (format!("{who} refuses: {}: {}", refused.reason, refused.message), after, refused.again),
            Err(_) => (format!("{who} answered {status}"), after, status.is_server_error()),
        },
    };
    if !again {
        return Err(Failure::new(why));
    }
    if patience.wait(after).await {
        return Ok(());
    }
    Err(Failure::new(format!("{why}, after {} tries", patience.tries())))
}

/// The text at the end of a chain, where the cause stands.
fn deepest(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
