//! Which credential, decided from values alone.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::cloud_config::CloudConfig;
use crate::environment::Variables;
use crate::settings::{AuthType, SettingsError};

const CLIENT: &str = "AZURE_CLIENT_ID";
const TENANT: &str = "AZURE_TENANT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// A credential, before any file of it is read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// An application with a client secret.
    ClientSecret {
        tenant: String,
        client: String,
        secret: Zeroizing<String>,
    },
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
    Workload {
        tenant: String,
        client: String,
        file: PathBuf,
    },
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
            AuthType::AzureCloudConfig => {
                from_cloud_config(file.unwrap_or_default(), send_chain(variables))
            }
            AuthType::Environment => from_environment(variables),
            AuthType::EnvironmentAzidentity => from_azidentity(variables),
        }
    }
}

fn from_cloud_config(file: CloudConfig, send_chain: bool) -> Result<Plan, SettingsError> {
    if file.managed_identity {
        return Ok(Plan::ManagedIdentity {
            client: file.user_assigned,
        });
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
        (Some(secret), _) => Ok(Plan::ClientSecret {
            tenant,
            client,
            secret: Zeroizing::new(secret),
        }),
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
    application(
        variables,
        "AZURE_CERTIFICATE_PATH",
        "AZURE_CERTIFICATE_PASSWORD",
    )
    .unwrap_or_else(|| Ok(managed_identity(variables)))
}

fn from_azidentity(variables: Variables<'_>) -> Result<Plan, SettingsError> {
    if let Some(plan) = application(
        variables,
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    ) {
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
    Ok(Plan::Chain(vec![
        managed_identity(variables),
        Plan::AzureCli,
    ]))
}

/// An application of its own, if the variables name one: by secret, by certificate, or by what is refused.
fn application(
    variables: Variables<'_>,
    certificate: &'static str,
    password: &str,
) -> Option<Result<Plan, SettingsError>> {
    const NEEDED: &str =
        "the application that logs in with a client secret or certificate needs it";
    let identity = || -> Result<(String, String), SettingsError> {
        Ok((
            variables.require(TENANT, NEEDED)?.to_owned(),
            variables.require(CLIENT, NEEDED)?.to_owned(),
        ))
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
    Plan::ManagedIdentity {
        client: variables.get(CLIENT).map(str::to_owned),
    }
}

fn send_chain(variables: Variables<'_>) -> bool {
    variables
        .get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")
        .is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The plan in words, so that a table can hold it; a secret is told from its absence only.
    fn words(plan: &Plan) -> String {
        match plan {
            Plan::ClientSecret {
                tenant,
                client,
                secret,
            } => format!("secret {tenant} {client} {}", secret.len()),
            Plan::ClientCertificate {
                tenant,
                client,
                file,
                password,
                send_chain,
            } => {
                format!(
                    "certificate {tenant} {client} {} {} {send_chain}",
                    file.display(),
                    password.len()
                )
            }
            Plan::Workload {
                tenant,
                client,
                file,
            } => format!("workload {tenant} {client} {}", file.display()),
            Plan::ManagedIdentity { client } => {
                format!("managed {}", client.as_deref().unwrap_or("-"))
            }
            Plan::AzureCli => "cli".to_owned(),
            Plan::Chain(links) => links.iter().map(words).collect::<Vec<_>>().join(", "),
        }
    }

    fn check(auth: AuthType, variables: &str, expected: &str) {
        let variables: BTreeMap<String, String> = variables
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, text)| (format!("AZURE_{name}"), text.to_owned()))
            .collect();
        let said = match Plan::choose(auth, Variables(&variables), None) {
            Ok(plan) => words(&plan),
            Err(refusal) => refusal.to_string(),
        };
        assert!(
            said.starts_with(expected),
            "{variables:?}: {said:?}, not {expected:?}"
        );
    }

    #[test]
    fn environment_follows_adals_order() {
        for (variables, expected) in [
            (
                "TENANT_ID=t CLIENT_ID=c CLIENT_SECRET=abc CERTIFICATE_PATH=/p",
                "secret t c 3",
            ),
            (
                "TENANT_ID=t CLIENT_ID=c CERTIFICATE_PATH=/p CERTIFICATE_PASSWORD=ab USERNAME=u PASSWORD=p",
                "certificate t c /p 2 false",
            ),
            (
                "TENANT_ID=t CLIENT_ID=c CLIENT_CERTIFICATE_PATH=/p",
                "managed c",
            ),
            (
                "TENANT_ID=t CLIENT_ID=c USERNAME=u PASSWORD=p",
                "AZURE_USERNAME and AZURE_PASSWORD",
            ),
            ("TENANT_ID=t CLIENT_ID=c USERNAME=u", "managed c"),
            ("", "managed -"),
            ("CLIENT_SECRET= CLIENT_ID=c", "managed c"),
            ("CLIENT_SECRET=s CLIENT_ID=c", "AZURE_TENANT_ID is not set"),
            (
                "CERTIFICATE_PATH=/p TENANT_ID=t",
                "AZURE_CLIENT_ID is not set",
            ),
        ] {
            check(AuthType::Environment, variables, expected);
        }
    }

    #[test]
    fn azidentity_tries_the_environment_then_workload_identity_then_the_machine_then_the_cli() {
        for (variables, expected) in [
            (
                "TENANT_ID=t CLIENT_ID=c CLIENT_SECRET=abc FEDERATED_TOKEN_FILE=/f",
                "secret t c 3",
            ),
            (
                "TENANT_ID=t CLIENT_ID=c CLIENT_CERTIFICATE_PATH=/p CLIENT_CERTIFICATE_PASSWORD=a CLIENT_SEND_CERTIFICATE_CHAIN=TRUE",
                "certificate t c /p 1 true",
            ),
            (
                "TENANT_ID=t CLIENT_ID=c FEDERATED_TOKEN_FILE=/f CERTIFICATE_PATH=/p",
                "workload t c /f",
            ),
            (
                "CLIENT_ID=c FEDERATED_TOKEN_FILE=/f",
                "AZURE_TENANT_ID is not set: AZURE_FEDERATED_TOKEN_FILE asks",
            ),
            ("CLIENT_ID=c", "managed c, cli"),
            ("", "managed -, cli"),
            ("USERNAME=u PASSWORD=p", "AZURE_USERNAME and AZURE_PASSWORD"),
        ] {
            check(AuthType::EnvironmentAzidentity, variables, expected);
        }
    }

    #[test]
    fn a_cloud_config_file_prefers_the_managed_identity_then_the_secret_then_the_certificate() {
        let text = |text: &str| Some(text.to_owned());
        let both = CloudConfig {
            tenant: text("t"),
            client: text("c"),
            secret: text("abc"),
            certificate: text("/p"),
            ..CloudConfig::default()
        };
        let cases = [
            (
                CloudConfig {
                    managed_identity: true,
                    ..both.clone()
                },
                "managed -",
            ),
            (
                CloudConfig {
                    managed_identity: true,
                    user_assigned: text("u"),
                    ..both.clone()
                },
                "managed u",
            ),
            (both.clone(), "secret t c 3"),
            (
                CloudConfig {
                    secret: None,
                    certificate_password: text("ab"),
                    ..both.clone()
                },
                "certificate t c /p 2 false",
            ),
            (
                CloudConfig {
                    tenant: None,
                    ..both.clone()
                },
                "tenantId of the cloud config file is not set",
            ),
            (
                CloudConfig {
                    client: None,
                    ..both
                },
                "aadClientId of the cloud config file is not set",
            ),
            (
                CloudConfig::default(),
                "the cloud config file's credential is not set",
            ),
        ];
        for (file, expected) in cases {
            let none = BTreeMap::new();
            let said = match Plan::choose(AuthType::AzureCloudConfig, Variables(&none), Some(file))
            {
                Ok(plan) => words(&plan),
                Err(refusal) => refusal.to_string(),
            };
            assert!(said.starts_with(expected), "{said:?}, not {expected:?}");
        }
    }
}
