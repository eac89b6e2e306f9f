//! `--resources FILE`: the resources are in a file, and the vault is read with the environment's own identity.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::patience::Patience;
use crate::produce::{Job, Values, produce};
use crate::resource::{block_on, recipe};
use crate::timing;
use akv_plugin::Engine;
use akv_vault::{AuthType, Settings, VaultClient};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The values of every reference in the environment.
pub fn values(file: &Path, environment: &Environment) -> Result<Values, Failure> {
    let mut values = Values::default();
    let wanted = environment.wanted();
    if wanted.is_empty() {
        return Ok(values);
    }
    let resources = read(file)?;
    let mut jobs = Vec::new();
    for wanted in wanted {
        let spec = resources.get(&wanted.name).ok_or_else(|| {
            Failure::new(format!(
                "{}: there is no AzureKeyVaultSecret {:?}, which a variable refers to",
                file.display(),
                wanted.name
            ))
        })?;
        let recipe = recipe(&wanted.name, spec.clone())?;
        jobs.push(Job { wanted, recipe, wait: Duration::ZERO, optional: false });
    }
    timing::passed("resources");
    let vault = client(environment)?;
    timing::passed("tls set-up");
    let engine = Engine::new().map_err(|error| Failure::new(error.to_string()))?;
    let patience = Patience::new();
    block_on(patience, async {
        produce(&vault, jobs, Vec::new(), &engine, patience, &mut values).await?;
        Ok(values)
    })
}

/// A client with the environment's own identity, in the words of the controller's settings.
pub fn client(environment: &Environment) -> Result<VaultClient, Failure> {
    let texts = environment.texts();
    let auth = match texts.get("AUTH_TYPE") {
        Some(word) => word.parse().map_err(|error: akv_vault::SettingsError| Failure::new(error.to_string()))?,
        // Outside a node there is no cloud config file.
        None => AuthType::EnvironmentAzidentity,
    };
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| texts.contains_key(*name));
    let settings = Settings::new("env", auth, texts);
    // An image from nothing has no authorities, so ours are embedded; who names some means those.
    let roots = (!named).then(|| webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec());
    VaultClient::new(Settings { roots, ..settings }).map_err(|error| Failure::new(error.to_string()))
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Value,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

/// The specs of all resources of a file of several documents, by name.
fn read(file: &Path) -> Result<BTreeMap<String, Value>, Failure> {
    let refuse = |why: String| Failure::new(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
    let mut resources = BTreeMap::new();
    for document in serde_yaml_ng::Deserializer::from_str(&text) {
        let document = Option::<Document>::deserialize(document).map_err(|error| refuse(error.to_string()))?;
        if let Some(document) = document
            && document.kind == "AzureKeyVaultSecret"
        {
            resources.insert(document.metadata.name, document.spec);
        }
    }
    Ok(resources)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// Whether some embedded authority has this name in its certificate.
    fn is_embedded(name: &str) -> bool {
        let holds = |der: &[u8]| der.windows(name.len()).any(|window| window == name.as_bytes());
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().any(|der| holds(der))
    }

    #[test]
    fn the_authorities_of_azure_are_embedded_and_no_private_one_is() {
        // <https://learn.microsoft.com/azure/security/fundamentals/azure-certificate-authority-details>
        let expected = [
            ("DigiCert Global Root G2", true),
            ("DigiCert Global Root G3", true),
            ("Microsoft RSA Root Certificate Authority 2017", true),
            ("Microsoft ECC Root Certificate Authority 2017", true),
            ("local-vault", false),
        ];
        let wrong: BTreeSet<_> = expected.iter().filter(|(name, there)| is_embedded(name) != *there).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
