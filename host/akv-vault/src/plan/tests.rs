//! The order of the credentials, as tables.

use std::collections::BTreeMap;

use super::*;

/// The plan in words, so that a table can hold it; a secret is told from its absence only.
fn words(plan: &Plan) -> String {
    match plan {
        Plan::ClientSecret { tenant, client, secret } => format!("secret {tenant} {client} {}", secret.len()),
        Plan::ClientCertificate { tenant, client, file, password, send_chain } => {
            format!("certificate {tenant} {client} {} {} {send_chain}", file.display(), password.len())
        }
        Plan::Workload { tenant, client, file } => format!("workload {tenant} {client} {}", file.display()),
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
    assert!(said.starts_with(expected), "{variables:?}: {said:?}, not {expected:?}");
}

#[test]
fn environment_follows_adals_order() {
    for (variables, expected) in [
        ("TENANT_ID=t CLIENT_ID=c CLIENT_SECRET=abc CERTIFICATE_PATH=/p", "secret t c 3"),
        (
            "TENANT_ID=t CLIENT_ID=c CERTIFICATE_PATH=/p CERTIFICATE_PASSWORD=ab USERNAME=u PASSWORD=p",
            "certificate t c /p 2 false",
        ),
        ("TENANT_ID=t CLIENT_ID=c CLIENT_CERTIFICATE_PATH=/p", "managed c"),
        ("TENANT_ID=t CLIENT_ID=c USERNAME=u PASSWORD=p", "AZURE_USERNAME and AZURE_PASSWORD"),
        ("TENANT_ID=t CLIENT_ID=c USERNAME=u", "managed c"),
        ("", "managed -"),
        ("CLIENT_SECRET= CLIENT_ID=c", "managed c"),
        ("CLIENT_SECRET=s CLIENT_ID=c", "AZURE_TENANT_ID is not set"),
        ("CERTIFICATE_PATH=/p TENANT_ID=t", "AZURE_CLIENT_ID is not set"),
    ] {
        check(AuthType::Environment, variables, expected);
    }
}

#[test]
fn azidentity_tries_the_environment_then_workload_identity_then_the_machine_then_the_cli() {
    for (variables, expected) in [
        ("TENANT_ID=t CLIENT_ID=c CLIENT_SECRET=abc FEDERATED_TOKEN_FILE=/f", "secret t c 3"),
        (
            "TENANT_ID=t CLIENT_ID=c CLIENT_CERTIFICATE_PATH=/p CLIENT_CERTIFICATE_PASSWORD=a CLIENT_SEND_CERTIFICATE_CHAIN=TRUE",
            "certificate t c /p 1 true",
        ),
        ("TENANT_ID=t CLIENT_ID=c FEDERATED_TOKEN_FILE=/f CERTIFICATE_PATH=/p", "workload t c /f"),
        ("CLIENT_ID=c FEDERATED_TOKEN_FILE=/f", "AZURE_TENANT_ID is not set: AZURE_FEDERATED_TOKEN_FILE asks"),
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
        (CloudConfig { managed_identity: true, ..both.clone() }, "managed -"),
        (CloudConfig { managed_identity: true, user_assigned: text("u"), ..both.clone() }, "managed u"),
        (both.clone(), "secret t c 3"),
        (CloudConfig { secret: None, certificate_password: text("ab"), ..both.clone() }, "certificate t c /p 2 false"),
        (CloudConfig { tenant: None, ..both.clone() }, "tenantId of the cloud config file is not set"),
        (CloudConfig { client: None, ..both }, "aadClientId of the cloud config file is not set"),
        (CloudConfig::default(), "the cloud config file's credential is not set"),
    ];
    for (file, expected) in cases {
        let none = BTreeMap::new();
        let said = match Plan::choose(AuthType::AzureCloudConfig, Variables(&none), Some(file)) {
            Ok(plan) => words(&plan),
            Err(refusal) => refusal.to_string(),
        };
        assert!(said.starts_with(expected), "{said:?}, not {expected:?}");
    }
}
