//! From a plan to a credential: files are read, and what is wrong with them is said.

use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::ClientOptions;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
};

use crate::assertion::{FederatedToken, SignedAssertion};
use crate::chain::{Chain, Kept};
use crate::cli::Shell;
use crate::cloud::Cloud;
use crate::cloud_config::CloudConfig;
use crate::environment::{Variables, read_file};
use crate::given::Given;
use crate::managed_identity::ManagedIdentity;
use crate::plan::Plan;
use crate::policy::KeepRefusal;
use crate::settings::{AuthType, Settings};
use crate::settings_error::SettingsError;
use crate::signer::Signer;
use crate::transport::Wire;

/// A PKCS#12 file with a long chain has some 20 KiB.
const LARGEST_CERTIFICATE: u64 = 1 << 20;

/// What a credential is made with.
pub(crate) struct Maker<'a> {
    settings: &'a Settings,
    outer: &'a Wire,
    machine: &'a Wire,
}

impl<'a> Maker<'a> {
    /// `outer` reaches the token service, `machine` the machine's own endpoint.
    pub(crate) fn new(settings: &'a Settings, outer: &'a Wire, machine: &'a Wire) -> Self {
        Self { settings, outer, machine }
    }

    /// Reads the settings' files and makes the cloud and the credential that they ask for. Nothing is sent.
    pub(crate) fn make(&self) -> Result<(Cloud, Arc<dyn TokenCredential>), SettingsError> {
        if let Some(access) = &self.settings.access {
            let cloud = Cloud { vault_suffix: access.vault_suffix.clone(), authority: String::new() };
            return Ok((cloud, Arc::new(Given(access.clone()))));
        }
        let file = match self.settings.auth {
            AuthType::AzureCloudConfig => Some(CloudConfig::read(&self.settings.cloud_config)?),
            AuthType::Environment | AuthType::EnvironmentAzidentity => None,
        };
        let variables = Variables(&self.settings.environment);
        let name = file.as_ref().and_then(|file| file.cloud.as_deref());
        let cloud = Cloud::named(name.or(variables.get("AZURE_ENVIRONMENT")), variables)?;
        let plan = Plan::choose(self.settings.auth, variables, file)?;
        let credential = self.credential(plan, &cloud)?;
        Ok((cloud, credential))
    }

    fn credential(&self, plan: Plan, cloud: &Cloud) -> Result<Arc<dyn TokenCredential>, SettingsError> {
        let variables = Variables(&self.settings.environment);
        Ok(match plan {
            Plan::ClientSecret { tenant, client, secret } => ClientSecretCredential::new(
                &tenant,
                client,
                Secret::new(secret.to_string()),
                Some(ClientSecretCredentialOptions { client_options: self.options(cloud) }),
            )
            .map_err(refused)?,
            Plan::ClientCertificate { tenant, client, file, password, send_chain } => {
                const WHAT: &str = "the client certificate";
                let bytes = read_file(WHAT, &file, LARGEST_CERTIFICATE)?;
                let signer = Signer::parse(&bytes, &password, send_chain)
                    .map_err(|problem| SettingsError::Content { what: WHAT, path: file, problem })?;
                let audience = format!("{}/{tenant}/oauth2/v2.0/token", cloud.authority);
                let assertion = SignedAssertion { signer, client: client.clone(), audience };
                self.asserted(tenant, client, assertion, cloud)?
            }
            Plan::Workload { tenant, client, file } => {
                self.asserted(tenant, client, FederatedToken::new(file)?, cloud)?
            }
            Plan::ManagedIdentity { client } => {
                let identity = ManagedIdentity::new(client, variables, self.machine)?;
                Arc::new(Kept::new(Arc::new(identity)))
            }
            Plan::AzureCli => {
                let shell = Shell { path: variables.get("PATH").map(str::to_owned) };
                let options = AzureCliCredentialOptions {
                    executor: Some(Arc::new(shell)),
                    ..AzureCliCredentialOptions::default()
                };
                let cli = AzureCliCredential::new(Some(options)).map_err(refused)?;
                Arc::new(Kept::new(cli))
            }
            Plan::Chain(links) => {
                let links = links
                    .into_iter()
                    .map(|link| Ok((link.name(), self.credential(link, cloud)?)))
                    .collect::<Result<_, SettingsError>>()?;
                Arc::new(Chain::new(links))
            }
        })
    }

    fn asserted<A: ClientAssertion + 'static>(
        &self,
        tenant: String,
        client: String,
        assertion: A,
        cloud: &Cloud,
    ) -> Result<Arc<dyn TokenCredential>, SettingsError> {
        let options = ClientAssertionCredentialOptions { client_options: self.options(cloud) };
        let credential = ClientAssertionCredential::new(tenant, client, assertion, Some(options)).map_err(refused)?;
        Ok(credential)
    }

    /// The cloud is always given, since the SDK would else read the real environment.
    fn options(&self, cloud: &Cloud) -> ClientOptions {
        let mut custom = CustomConfiguration::default();
        custom.authority_host.clone_from(&cloud.authority);
        let mut options = self.outer.options();
        options.cloud = Some(Arc::new(CloudConfiguration::from(custom)));
        options.per_call_policies.push(Arc::new(KeepRefusal));
        options
    }
}

fn refused(fault: azure_core::Error) -> SettingsError {
    SettingsError::Library { what: "the credential", problem: fault.to_string() }
}
