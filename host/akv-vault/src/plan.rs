//! Which credential, decided from values alone.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::cloud_config::CloudConfig;
use crate::environment::Variables;
use crate::settings::AuthType;
use crate::settings_error::SettingsError;

const CLIENT: &str = "AZURE_CLIENT_ID";
const TENANT: &str = "AZURE_TENANT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// A credential, before any file of it is read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// An application with a client secret.
    ClientSecret { tenant: String, client: String, secret: Zeroizing<String> },
    /// An application with a certificate.
    ClientCertificate {
        tenant: String,
        client: String,
        file: PathBuf,
        password: Zeroizing<String>,
        /// Whether the assertion carries the chain, for applications that trust by subject name and issuer.
        send_chain: bool,
    },
    /// An application that trusts the cluster's tokens.
    Workload { tenant: String, client: String, file: PathBuf },
    /// The identity of the machine; user-assigned if its client id is given.
    ManagedIdentity { client: Option<String> },
    /// Whoever is logged in to the Azure CLI.
    AzureCli,
    /// The first that works.
    Chain(Vec<Plan>),
}

impl Plan {
    /// What people call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client secret",
            Self::ClientCertificate { .. } => "client certificate",
            Self::Workload { .. } => "workload identity",
            Self::ManagedIdentity { .. } => "managed identity",
            Self::AzureCli => "Azure CLI",
            Self::Chain(_) => "first of several",
        }
    }

    /// Chooses in upstream's order. `file` is the cloud config file, read for [`AuthType::AzureCloudConfig`] only.
    pub(crate) fn choose(
        auth: AuthType,
        variables: Variables<'_>,
        file: Option<CloudConfig>,
    ) -> Result<Self, SettingsError> {
        match auth {
            AuthType::AzureCloudConfig => from_cloud_config(file.unwrap_or_default(), send_chain(variables)),
            AuthType::Environment => from_environment(variables),
            AuthType::EnvironmentAzidentity => from_azidentity(variables),
        }
    }
}

fn from_cloud_config(file: CloudConfig, send_chain: bool) -> Result<Plan, SettingsError> {
    if file.managed_identity {
        return Ok(Plan::ManagedIdentity { client: file.user_assigned });
    }
    if file.secret.is_none() && file.certificate.is_none() {
        return Err(SettingsError::Missing {
            variable: "the cloud config file's credential",
            needed: "set useManagedIdentityExtension, aadClientSecret or aadClientCertPath in it, or choose another AUTH_TYPE",
        });
    }
    let tenant = file.tenant.ok_or(SettingsError::Missing {
        variable: "tenantId of the cloud config file",
        needed: "an application logs in to a tenant",
    })?;
    let client = file.client.ok_or(SettingsError::Missing {
        variable: "aadClientId of the cloud config file",
        needed: "it says which application logs in",
    })?;
    match (file.secret, file.certificate) {
        (Some(secret), _) => Ok(Plan::ClientSecret { tenant, client, secret: Zeroizing::new(secret) }),
        (None, certificate) => Ok(Plan::ClientCertificate {
            tenant,
            client,
            file: PathBuf::from(certificate.unwrap_or_default()),
            password: Zeroizing::new(file.certificate_password.unwrap_or_default()),
            send_chain,
        }),
    }
}

fn from_environment(variables: Variables<'_>) -> Result<Plan, SettingsError> {
    application(variables, "AZURE_CERTIFICATE_PATH", "AZURE_CERTIFICATE_PASSWORD")
        .unwrap_or_else(|| Ok(managed_identity(variables)))
}

fn from_azidentity(variables: Variables<'_>) -> Result<Plan, SettingsError> {
    if let Some(plan) = application(variables, "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD") {
        return plan;
    }
    if let Some(file) = variables.path(TOKEN_FILE) {
        const NEEDED: &str = "AZURE_FEDERATED_TOKEN_FILE asks for workload identity; annotate the service account \
                              with azure.workload.identity/client-id";
        return Ok(Plan::Workload {
            tenant: variables.require(TENANT, NEEDED)?.to_owned(),
            client: variables.require(CLIENT, NEEDED)?.to_owned(),
            file: file.to_owned(),
        });
    }
    Ok(Plan::Chain(vec![managed_identity(variables), Plan::AzureCli]))
}

/// An application of its own, if the variables name one: by secret, by certificate, or by what is refused.
fn application(
    variables: Variables<'_>,
    certificate: &'static str,
    password: &str,
) -> Option<Result<Plan, SettingsError>> {
    const NEEDED: &str = "the application that logs in with a client secret or certificate needs it";
    let identity = || -> Result<(String, String), SettingsError> {
        Ok((variables.require(TENANT, NEEDED)?.to_owned(), variables.require(CLIENT, NEEDED)?.to_owned()))
    };
    if let Some(secret) = variables.get(SECRET) {
        return Some(identity().map(|(tenant, client)| Plan::ClientSecret {
            tenant,
            client,
            secret: Zeroizing::new(secret.to_owned()),
        }));
    }
    if let Some(file) = variables.path(certificate) {
        return Some(identity().map(|(tenant, client)| Plan::ClientCertificate {
            tenant,
            client,
            file: file.to_owned(),
            password: Zeroizing::new(variables.get(password).unwrap_or_default().to_owned()),
            send_chain: send_chain(variables),
        }));
    }
    if variables.get("AZURE_USERNAME").is_some() && variables.get("AZURE_PASSWORD").is_some() {
        return Some(Err(SettingsError::Refused(
            "AZURE_USERNAME and AZURE_PASSWORD ask for a login by password, which Entra no longer allows for services: \
             use workload identity, a managed identity, AZURE_CLIENT_SECRET or a certificate",
        )));
    }
    None
}

fn managed_identity(variables: Variables<'_>) -> Plan {
    Plan::ManagedIdentity { client: variables.get(CLIENT).map(str::to_owned) }
}

fn send_chain(variables: Variables<'_>) -> bool {
    variables
        .get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")
        .is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests;
