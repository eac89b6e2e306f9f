//! Without the auth service: resources from the API server by the pod's service account, the vault by the pod's identity.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::given;
use crate::patience::Patience;
use crate::produce::{Job, Values, produce};
use crate::resource::{block_on, recipe};
use crate::timing;
use akv_plugin::Engine;
use akv_wire::arguments::Arguments;
use akv_wire::message::Wanted;
use reqwest::{Certificate, StatusCode};
use serde_json::Value;
use std::fs;
use std::time::Duration;

/// Where the kubelet mounts the token of the pod's account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The values of every reference in the environment.
pub fn values(arguments: &Arguments, all: Vec<Wanted>, environment: &Environment) -> Result<Values, Failure> {
    let vault = given::client(environment)?;
    timing::passed("tls set-up");
    let engine = Engine::new().map_err(|error| Failure::new(error.to_string()))?;
    let patience = Patience::new();
    block_on(patience, async {
        let server = Server::of_pod(environment)?;
        let (mut values, mut jobs) = (Values::default(), Vec::new());
        for wanted in all {
            let optional = arguments.optional.contains(&wanted.name);
            let recipe = recipe(&wanted.name, server.spec(&wanted.name, patience).await?)?;
            jobs.push(Job { wanted, recipe, wait: Duration::ZERO, optional });
        }
        timing::passed("resources");
        produce(&vault, jobs, Vec::new(), &engine, patience, &mut values).await?;
        Ok(values)
    })
}

struct Server {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Server {
    fn of_pod(environment: &Environment) -> Result<Self, Failure> {
        let file = |name: &str| {
            let path = format!("{ACCOUNT}/{name}");
            fs::read_to_string(&path).map_err(|error| {
                Failure::new(format!(
                    "{path}: {error}; without the auth service a pod needs the token of its service account"
                ))
            })
        };
        let texts = environment.texts();
        let variable = |name: &str| {
            texts.get(name).ok_or_else(|| Failure::new(format!("{name} is not set, so there is no API server to ask")))
        };
        let host = variable("KUBERNETES_SERVICE_HOST")?;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let namespace = file("namespace")?;
        let roots =
            Certificate::from_pem_bundle(file("ca.crt")?.as_bytes()).map_err(|e| Failure::new(e.to_string()))?;
        let client =
            reqwest::Client::builder().no_proxy().tls_certs_only(roots).timeout(Duration::from_secs(10)).build();
        Ok(Self {
            client: client.map_err(|error| Failure::new(error.to_string()))?,
            base: format!(
                "https://{host}:{}/apis/spv.no/v2beta1/namespaces/{}/azurekeyvaultsecrets",
                variable("KUBERNETES_SERVICE_PORT")?,
                namespace.trim()
            ),
            token: file("token")?,
        })
    }

    async fn spec(&self, name: &str, mut patience: Patience) -> Result<Value, Failure> {
        loop {
            let why = match self.client.get(format!("{}/{name}", self.base)).bearer_auth(self.token.trim()).send().await
            {
                Ok(answer) if answer.status().is_success() => match answer.json::<Value>().await {
                    Ok(mut found) => return Ok(found["spec"].take()),
                    Err(error) => error.without_url().to_string(),
                },
                Ok(answer) if answer.status() == StatusCode::FORBIDDEN => {
                    return Err(Failure::new(format!(
                        "resource {name}: the pod's service account may not read azurekeyvaultsecrets: bind it to the reader role"
                    )));
                }
                Ok(answer) if answer.status() == StatusCode::NOT_FOUND => {
                    "there is no such AzureKeyVaultSecret".to_owned()
                }
                Ok(answer) => format!("the API server answered {}", answer.status()),
                Err(error) => format!("the API server could not be reached: {}", error.without_url()),
            };
            if !patience.wait(None).await {
                return Err(Failure::new(format!("resource {name}: {why}, after {} tries", patience.tries())));
            }
        }
    }
}
