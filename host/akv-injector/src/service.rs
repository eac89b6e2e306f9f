//! The auth service: a token becomes a certificate, and that becomes resources, credentials, plugins or values.

mod ask;
mod plugins;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::patience::Patience;
use crate::produce::{Job, Values, produce};
use crate::resource::{block_on, recipe};
use crate::timing;
use akv_core::{PluginName, Recipe, SecretValue};
use akv_plugin::{Engine, made_for};
use akv_vault::{Access, AuthType, Settings, VaultClient};
use akv_wire::arguments::Arguments;
use akv_wire::message::{
    self, Answer, CERTIFICATE, CertificateAnswer, CertificateRequest, RESOURCES, Refused, ResourcesAnswer,
    ResourcesRequest, Wanted,
};
use akv_wire::name::{TOKEN_DIR, TOKEN_FILE};
use akv_wire::{Reference, WireValue};
use plugins::Custom;
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, ClientBuilder, Identity, RequestBuilder};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::collections::BTreeSet;
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// One request with its whole answer.
const REQUEST: Duration = Duration::from_secs(20);
/// What a program says that runs no compiled plugin; then it gets values.
const NO_ENGINE: &str = "none";

/// The values of everything that is wanted.
pub fn values(arguments: &Arguments, mut wanted: Vec<Wanted>) -> Result<Values, Failure> {
    let mut patience = Patience::new();
    block_on(patience, async {
        let service = Service::open(arguments, patience).await?;
        timing::passed("certificate");
        let plugins = Engine::new().map_err(|error| Failure::new(error.to_string()))?;
        let mut values = Values::default();
        let mut engine_name = made_for::ENGINE;
        loop {
            let answer = service.resources(&wanted, engine_name, patience).await?;
            timing::passed("resources");
            let left = take(arguments, &service, answer, &wanted, &plugins, patience, &mut values).await?;
            wanted.retain(|wanted| left.foreign.contains(&wanted.name) || left.later.contains(&wanted.name));
            if wanted.is_empty() {
                return Ok(values);
            }
            if !left.foreign.is_empty() {
                if engine_name == NO_ENGINE {
                    let names = left.foreign.into_iter().collect::<Vec<_>>().join(", ");
                    let why = format!("the auth service gives plugins for {names} that cannot run here");
                    return Err(Failure::new(why));
                }
                engine_name = NO_ENGINE;
            }
            if let Some((name, refused)) = left.why
                && !patience.wait(refused.retry_after.map(Duration::from_secs)).await
            {
                return Err(refusal(&name, &refused));
            }
        }
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

/// The service, and who we are to it.
pub struct Service {
    base: String,
    client: Client,
}

impl Service {
    /// Proves which container this is.
    async fn open(arguments: &Arguments, patience: Patience) -> Result<Self, Failure> {
        let base = arguments.service.clone().unwrap_or_default();
        let root = Certificate::from_der(&arguments.root).map_err(|error| Failure::new(format!("--root: {error}")))?;
        let builder = || Client::builder().no_proxy().tls_certs_only([root.clone()]).timeout(REQUEST);
        let plain = client(builder())?;
        let path = arguments.token.clone().unwrap_or_else(|| format!("{TOKEN_DIR}/{TOKEN_FILE}"));
        let token = std::fs::read_to_string(&path)
            .map_err(|error| Failure::new(format!("{path}: {error}; the container's token proves who it is")))?;
        let key = KeyPair::generate().map_err(|error| Failure::new(error.to_string()))?;
        let request = CertificateParams::default().serialize_request(&key).and_then(|request| request.pem());
        let request = request.map_err(|error| Failure::new(error.to_string()))?;
        let mut body =
            CertificateRequest { container: arguments.container.clone(), token: token.trim().to_owned(), request };
        let url = format!("{base}{CERTIFICATE}");
        let answer: CertificateAnswer = ask::ask(patience, || plain.post(&url).json(&body)).await?;
        body.token.zeroize();
        let both = Zeroizing::new(format!("{}{}", answer.chain, *Zeroizing::new(key.serialize_pem())));
        let identity = Identity::from_pem(both.as_bytes())
            .map_err(|_| Failure::new("the auth service gave a certificate that cannot be read"))?;
        Ok(Self { client: client(builder().identity(identity))?, base })
    }

    async fn resources(&self, wanted: &[Wanted], engine: &str, patience: Patience) -> Result<ResourcesAnswer, Failure> {
        let (engine, target) = (engine.to_owned(), made_for::target().to_owned());
        let body = ResourcesRequest { engine, target, resources: wanted.to_vec() };
        let url = format!("{}{RESOURCES}", self.base);
        ask::ask(patience, || self.client.post(&url).json(&body)).await
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }
}

/// What has to be asked for again.
#[derive(Default)]
struct Left {
    /// Resources with plugins that cannot run here.
    foreign: BTreeSet<String>,
    /// Resources that may be had later.
    later: BTreeSet<String>,
    /// Why, of one of them.
    why: Option<(String, Refused)>,
}

/// Makes or takes what was answered.
async fn take(
    arguments: &Arguments,
    service: &Service,
    mut answer: ResourcesAnswer,
    wanted: &[Wanted],
    engine: &Engine,
    patience: Patience,
    values: &mut Values,
) -> Result<Left, Failure> {
    let custom = Custom::get(arguments, service, &answer.plugins, engine, patience).await?;
    let (mut jobs, mut left) = (Vec::new(), Left::default());
    for wanted in wanted {
        let name = &wanted.name;
        let optional = arguments.optional.contains(name);
        match answer.resources.remove(name) {
            Some(Answer::Recipe { spec, wait }) => {
                let recipe = recipe(name, spec)?;
                if plugins_of(&recipe).any(|plugin| custom.foreign.contains(plugin.as_str())) {
                    left.foreign.insert(name.clone());
                } else {
                    jobs.push(Job { wanted: wanted.clone(), recipe, wait: Duration::from_millis(wait), optional });
                }
            }
            Some(Answer::Values { values: given, files }) => {
                for (query, value) in wanted.queries.iter().zip(&given) {
                    let reference = Reference { resource: name.clone(), query: query.clone() };
                    values.set(reference, Ok(secret(value)));
                }
                values.set_files(name, files.iter().map(|(name, value)| (name.clone(), secret(value))).collect());
            }
            Some(Answer::Refused(refused)) if optional && refused.reason == akv_api::reason::OBJECT_NOT_FOUND => {
                values.leave_out(name);
            }
            Some(Answer::Refused(refused)) if refused.again => {
                left.later.insert(name.clone());
                left.why = Some((name.clone(), refused));
            }
            Some(Answer::Refused(refused)) => return Err(refusal(name, &refused)),
            None => return Err(Failure::new(format!("resource {name}: the auth service did not answer for it"))),
        }
    }
    if !jobs.is_empty() {
        let vault = vault(&answer)?;
        timing::passed("tls set-up");
        produce(&vault, jobs, custom.plugins, engine, patience, values).await?;
    }
    Ok(left)
}

/// What a resource's variables go through.
fn plugins_of(recipe: &Recipe) -> impl Iterator<Item = &PluginName> {
    recipe.pipeline.iter().map(|step| &step.plugin).chain([&recipe.environment.plugin])
}

fn refusal(name: &str, refused: &Refused) -> Failure {
    Failure::new(format!("resource {name}: {}: {}", refused.reason, refused.message))
}

fn secret(value: &WireValue) -> SecretValue {
    SecretValue::new(value.expose().to_vec())
}

fn vault(answer: &ResourcesAnswer) -> Result<VaultClient, Failure> {
    let message::Access { token, expires, vault_suffix } =
        answer.access.as_ref().ok_or_else(|| Failure::new("the auth service gave no credentials"))?;
    let mut roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec();
    let added = answer.authorities.as_deref().unwrap_or_default();
    roots.extend(CertificateDer::pem_slice_iter(added.as_bytes()).filter_map(Result::ok));
    let access = Access { token: secret(token), expires: *expires, vault_suffix: vault_suffix.clone() };
    let settings = Settings {
        roots: Some(roots),
        access: Some(access),
        ..Settings::new("env", AuthType::Environment, answer.proxy.clone())
    };
    VaultClient::new(settings).map_err(|error| Failure::new(error.to_string()))
}

fn client(builder: ClientBuilder) -> Result<Client, Failure> {
    let built = builder.connect_timeout(Duration::from_secs(5)).build();
    built.map_err(|error| Failure::new(format!("--root and the certificate make no client: {}", ask::cause(&error).0)))
}
