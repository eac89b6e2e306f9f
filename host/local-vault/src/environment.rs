//! What a program has to be told to use a local vault: files and variables.

use crate::LocalVault;
use crate::identity::client_id;
use serde_json::json;
use std::path::Path;
use std::{fs, io};

/// Where systems keep the roots that a program would trust otherwise.
const ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Writes `ca.crt`, `roots.crt` (the system's roots and the CA) and `cloud.json` (the form that go-autorest reads from
/// `AZURE_ENVIRONMENT_FILEPATH`).
pub(crate) fn write_files(dir: &Path, ca: &str, port: u16) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("ca.crt"), ca)?;
    let system = ROOTS.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    fs::write(dir.join("roots.crt"), format!("{system}\n{ca}"))?;
    let cloud = json!({
        "name": "AzureStackCloud",
        "activeDirectoryEndpoint": format!("https://login.localhost:{port}/"),
        "keyVaultEndpoint": format!("https://vault.localhost:{port}/"),
        "keyVaultDNSSuffix": format!("vault.localhost:{port}"),
        "resourceIdentifiers": {"keyVault": format!("https://vault.localhost:{port}")},
    });
    fs::write(dir.join("cloud.json"), format!("{cloud:#}\n"))
}

pub(crate) fn variables(vault: &LocalVault, identity: &str) -> Vec<(String, String)> {
    let path = |name: &str| vault.directory().join(name).display().to_string();
    let mut variables = vec![
        ("SSL_CERT_FILE".to_owned(), path("roots.crt")),
        ("AZURE_ENVIRONMENT".to_owned(), "AzureStackCloud".to_owned()),
        ("AZURE_ENVIRONMENT_FILEPATH".to_owned(), path("cloud.json")),
        ("AZURE_AUTHORITY_HOST".to_owned(), format!("https://login.localhost:{}/", vault.port())),
        ("AZURE_TENANT_ID".to_owned(), vault.seed.tenant.clone()),
        ("LOCAL_VAULT_ADMIN".to_owned(), format!("http://{}/admin", vault.admin)),
    ];
    let Some(identity) = vault.seed.identities.iter().find(|i| i.name == identity) else {
        return variables;
    };
    variables.push(("AZURE_CLIENT_ID".to_owned(), client_id(identity)));
    match (&identity.secret, identity.managed) {
        (Some(secret), _) => variables.push(("AZURE_CLIENT_SECRET".to_owned(), secret.clone())),
        (None, Some(_)) => {
            variables.push(("IDENTITY_ENDPOINT".to_owned(), format!("http://{}/msi/token", vault.admin)));
            variables.push(("IDENTITY_HEADER".to_owned(), vault.state.identity_header.clone()));
        }
        (None, None) => {}
    }
    variables
}
